using SecureMesh.Auth.Login;
using SecureMesh.Auth.Login.Pages;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;

namespace SecureMesh.Auth.Logout;

/// <summary>
/// <c>/uaa/logout.do</c>, the <c>end_session_endpoint</c>. Signs out at once when the application shows an id token of this very
/// session, or the person has pressed the button of a page of ours; everything else is asked first (O-10).
/// </summary>
internal sealed class LogoutEndpoint(ISessions sessions, LogoutRequests requests, Antiforgery antiforgery)
{
    /// <summary>What the forms that sign out are for.</summary>
    public const string Purpose = "sign-out";

    private const string ByApplication = "the application signed the person out";
    private const string ByPerson = "the person signed out";

    public async Task<IResult> GetAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var parameters = Query(http.Request);
        if (!parameters.IsSuccess) return new ErrorPage(parameters.Error);
        var request = await requests.JudgeAsync(parameters.Value, cancellationToken);
        if (await sessions.CurrentAsync(http, cancellationToken) is not var (session, user)) return Done(http, request);
        if (Matches(request, session)) return await EndAsync(http, request, session, ByApplication, cancellationToken);
        return new PageResult<Confirm>(new()
        {
            [nameof(Confirm.Title)] = "Sign out?",
            [nameof(Confirm.Text)] = $"You are signed in as {user.UserName}. Signing out ends this in every application that you use with this account at this browser.",
            [nameof(Confirm.Action)] = Addresses.SignOut,
            [nameof(Confirm.Token)] = antiforgery.Token(http, Purpose, session.Id),
            [nameof(Confirm.Hidden)] = request.Fields(),
            [nameof(Confirm.Yes)] = "Sign out",
            [nameof(Confirm.No)] = "Stay signed in",
            [nameof(Confirm.NoAddress)] = Addresses.Home,
        })
        {
            FormTarget = request.Target is null ? null : Origin(request.Target),
        };
    }

    public async Task<IResult> PostAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var form = await FormBody.ReadAsync(http.Request, cancellationToken);
        if (!form.IsSuccess) return new ErrorPage(form.Error);
        var request = await requests.JudgeAsync(form.Value, cancellationToken);
        if (await sessions.CurrentAsync(http, cancellationToken) is not var (session, _))
            // A form of another site comes without our cookies (SameSite=Lax); sent on as a GET, it comes with them.
            return form.Value[Antiforgery.Field] is null && form.Value.Count > 0 ? new SeeOther(AsGet(form.Value)) : Done(http, request);
        if (Matches(request, session)) return await EndAsync(http, request, session, ByApplication, cancellationToken);
        if (antiforgery.IsGood(http, form.Value[Antiforgery.Field], Purpose, session.Id)) return await EndAsync(http, request, session, ByPerson, cancellationToken);
        return form.Value[Antiforgery.Field] is null ? new SeeOther(AsGet(form.Value)) : ErrorPage.FormOutdated();
    }

    /// <summary>The page after signing out.</summary>
    public static Task<IResult> SignedOutAsync(HttpContext http, CancellationToken cancellationToken) => Task.FromResult<IResult>(new PageResult<Message>(new()
    {
        [nameof(Message.Title)] = "You are signed out",
        [nameof(Message.Text)] = "Nobody is signed in here any more. The applications that you used have been told.",
        [nameof(Message.LinkAddress)] = Addresses.SignIn,
        [nameof(Message.LinkText)] = "Sign in again",
    }));

    private async Task<IResult> EndAsync(HttpContext http, LogoutRequest request, Session session, string because, CancellationToken cancellationToken)
    {
        await sessions.EndAsync(session.Id, because, cancellationToken);
        sessions.Forget(http);
        return new SeeOther(request.Location ?? Addresses.SignedOut);
    }

    // Nobody is signed in. The application may have its person back when its id token says that it had one.
    private SeeOther Done(HttpContext http, LogoutRequest request)
    {
        sessions.Forget(http);
        return new SeeOther(request.Hinted && request.Location is { } location ? location : Addresses.SignedOut);
    }

    // An id token of another session, of the same person too, says nothing about this one.
    private static bool Matches(LogoutRequest request, Session session) =>
        request.HintedUser == session.UserId && (request.HintedSession is null || request.HintedSession == session.Id);

    private static Result<Parameters, OAuthError> Query(HttpRequest request)
    {
        var parameters = new Parameters();
        foreach (var (name, values) in request.Query)
        {
            if (values.Count > 1) return OAuthError.InvalidRequest("A parameter occurs more than once");
            parameters.Add(name, values.ToString());
        }
        return parameters;
    }

    private static string AsGet(Parameters form)
    {
        string[] carried = ["id_token_hint", "client_id", "post_logout_redirect_uri", "redirect", "state"];
        return carried.Aggregate(Addresses.SignOut, (address, name) => form[name] is { } value ? Addresses.With(address, name, value) : address);
    }

    private static string Origin(string address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? uri.GetLeftPart(UriPartial.Authority) : address.Split(':')[0] + ":";
}
