using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Authorize;
using SecureMesh.Auth.Login.Pages;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Login;

/// <summary><c>GET /uaa/login</c> and <c>POST /uaa/login.do</c>: name and password at a browser.</summary>
internal sealed class SignInEndpoint(
    PasswordSignIn passwords, ISessions sessions, IAuthorizationTransactions transactions, Antiforgery antiforgery, InfoEndpoint info, IAudit audit)
{
    private const string Purpose = "sign-in";
    private static readonly string[] ByPassword = ["pwd"];

    public async Task<IResult> PageAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (!Prefers.Html(http.Request)) return await info.HandleAsync(http, cancellationToken);
        var goal = Goal.OfQuery(http.Request);
        var transaction = await FindAsync(http, goal, cancellationToken);
        var current = await sessions.CurrentAsync(http, cancellationToken);
        // Nothing to do here for somebody who is signed in, unless an application wants a new proof.
        if (transaction is null && goal.Transaction is null && current is not null) return new SeeOther(goal.Next());

        var notice = goal.Transaction is not null && transaction is null
            ? "The request of the application has ended or was begun in another browser. After signing in here, go back to the application and start again."
            : current is not null ? $"You are signed in as {current.Value.User.UserName}; the application asks you to prove it once more." : null;
        return Show(http, goal, transaction, notice, Problem(Goal.One(http.Request, "error")), Hinted(transaction) ?? current?.User.UserName);
    }

    public async Task<IResult> PostAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var form = await FormBody.ReadAsync(http.Request, cancellationToken);
        if (!form.IsSuccess) return new ErrorPage(form.Error);
        var goal = Goal.Of(form.Value);
        // A form of another site must not sign anybody in either (login CSRF): its owner could then read what the victim does.
        if (!antiforgery.IsGood(http, form.Value[Antiforgery.Field], Purpose, goal.Transaction)) return Again(goal, "invalid_login_request");
        if (form.Value["username"] is not { } userName || form.Value["password"] is not { } password) return Again(goal, "login_failure");

        var user = await passwords.AuthenticateAsync(userName, password, http.Connection.RemoteIpAddress, cancellationToken);
        if (!user.IsSuccess) return Refuse(http, goal, user.Error);
        var session = await sessions.StartAsync(http, user.Value, ByPassword, cancellationToken);
        if (goal.Transaction is { } id && await transactions.MarkAuthenticatedAsync(http, id, session, cancellationToken))
            return new SeeOther(Addresses.With(Addresses.Resume, "transaction", id));
        return new SeeOther(goal.Transaction is null ? goal.Next() : Addresses.Home);
    }

    private IResult Refuse(HttpContext http, Goal goal, OAuthError error)
    {
        audit.Record(new AuditEvent("sign_in.refused") { Address = http.Connection.RemoteIpAddress, Reason = error.Code });
        if (error.Status is 429 or 503) return new ErrorPage(error);
        // The codes are those of the password grant: one code and one page for a wrong password and an unknown name (V-120).
        return Again(goal, error.Code switch { "unauthorized" => "account_locked", "access_denied" => "account_not_verified", _ => "login_failure" });
    }

    private static SeeOther Again(Goal goal, string error) => new(Addresses.With(goal.SignIn(), "error", error));

    private PageResult<SignIn> Show(HttpContext http, Goal goal, AuthorizationTransaction? transaction, string? notice, string? problem, string? userName)
    {
        var logo = ClientImage.Https(transaction?.Client.Metadata.LogoUri);
        return new PageResult<SignIn>(new()
        {
            [nameof(SignIn.Action)] = Addresses.SignInPost,
            [nameof(SignIn.Token)] = antiforgery.Token(http, Purpose, goal.Transaction),
            [nameof(SignIn.Hidden)] = goal.Fields(),
            [nameof(SignIn.ClientName)] = transaction?.Client.Name,
            [nameof(SignIn.ClientLogo)] = logo,
            [nameof(SignIn.Notice)] = notice,
            [nameof(SignIn.Error)] = problem,
            [nameof(SignIn.UserName)] = userName,
        })
        {
            FormTarget = transaction?.RedirectOrigin,
            Image = logo,
        };
    }

    private async Task<AuthorizationTransaction?> FindAsync(HttpContext http, Goal goal, CancellationToken cancellationToken) =>
        goal.Transaction is { } id ? await transactions.FindAsync(http, id, cancellationToken) : null;

    // UAA's form of the hint names a provider, not a person.
    private static string? Hinted(AuthorizationTransaction? transaction) =>
        transaction?.LoginHint is { Length: > 0 and <= 255 } hint && hint[0] is not '{' and not '%' ? hint : null;

    private static string? Problem(string? error) => error switch
    {
        null => null,
        "login_failure" => "The user name or the password is not right. Check both and try again.",
        "account_locked" => "There were too many failed attempts for this name. Wait five minutes, then try again.",
        "account_not_verified" => "This account is not verified yet. Open the link in the message that was sent to you.",
        "invalid_login_request" => "The page was open for too long, or your browser refuses cookies. Try again.",
        _ => "The sign-in did not succeed. Try again.",
    };
}
