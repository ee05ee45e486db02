using System.Text.Json;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Login.Pages;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Login;

/// <summary>
/// <c>/uaa/autologin</c>: a client that has the person's name and password hands the sign-in over to a browser (uaa.md §3.5).
/// Unlike at UAA the browser asks before it takes it: otherwise any link would sign people in as somebody else.
/// </summary>
internal sealed class AutologinEndpoint(
    ClientAuthenticator clients, PasswordSignIn passwords, IUsers users, IAutologins autologins, ISessions sessions, Antiforgery antiforgery, IAudit audit, TimeProvider time)
{
    private const string Purpose = "autologin";
    private const int MaxBytes = 16 * 1024;
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);
    private static readonly string[] ByPassword = ["pwd"];
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 4 };

    public async Task<IResult> CreateAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var form = await ReadAsync(http.Request, cancellationToken);
        if (!form.IsSuccess) return form.Error;
        // The browser comes back with the antiforgery field of the page that asked, a client with its own credentials.
        if (form.Value[Antiforgery.Field] is not null) return await TakeAsync(http, form.Value, cancellationToken);
        var client = await clients.AuthenticateAsync(http.Request, form.Value, cancellationToken);
        if (!client.IsSuccess) return client.Error;
        var user = await CheckAsync(http, form.Value, cancellationToken);
        if (!user.IsSuccess) return user.Error;

        var code = Entropy.Token();
        await autologins.AddAsync(BrowserCookie.Hash(code), user.Value.ZoneId, client.Value.Client.Id, user.Value.Id, time.GetUtcNow() + Lifetime, cancellationToken);
        audit.Record(new AuditEvent("autologin.created") { ClientId = client.Value.Client.Id, UserId = user.Value.Id, Address = http.Connection.RemoteIpAddress });
        return new Answer(json =>
        {
            json.WriteString("code", code);
            json.WriteString("path", "/oauth/authorize");
        });
    }

    public async Task<IResult> PageAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var code = Goal.One(http.Request, "code");
        var userId = code is null ? null : await autologins.FindAsync(BrowserCookie.Hash(code), time.GetUtcNow(), cancellationToken);
        if (userId is null || await users.FindAsync(Zone.Default, userId, cancellationToken) is not { Active: true, Verified: true } user) return new ErrorPage(Ended());
        return new PageResult<Confirm>(new()
        {
            [nameof(Confirm.Title)] = "Sign in?",
            [nameof(Confirm.Text)] = $"An application has checked the password of {user.UserName}. Go on only if this is your own account.",
            [nameof(Confirm.Action)] = Addresses.Autologin,
            [nameof(Confirm.Token)] = antiforgery.Token(http, Purpose, code),
            [nameof(Confirm.Hidden)] = new Dictionary<string, string> { ["autologin"] = code! },
            [nameof(Confirm.Yes)] = $"Sign in as {user.UserName}",
            [nameof(Confirm.No)] = "Cancel",
            [nameof(Confirm.NoAddress)] = Addresses.Home,
        });
    }

    /// <summary><c>POST /uaa/authenticate</c>: an old way to check a password. It shares every limit of the sign-in (U-05).</summary>
    public async Task<IResult> AuthenticateAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var form = await ReadAsync(http.Request, cancellationToken);
        if (!form.IsSuccess) return form.Error;
        var user = await CheckAsync(http, form.Value, cancellationToken);
        if (!user.IsSuccess) return user.Error;
        return new Answer(json =>
        {
            json.WriteString("username", user.Value.UserName);
            if (user.Value.Email.Length > 0) json.WriteString("email", user.Value.Email);
        });
    }

    private async Task<IResult> TakeAsync(HttpContext http, Parameters form, CancellationToken cancellationToken)
    {
        var code = form["autologin"];
        if (!antiforgery.IsGood(http, form[Antiforgery.Field], Purpose, code)) return ErrorPage.FormOutdated();
        var userId = await autologins.TakeAsync(BrowserCookie.Hash(code!), time.GetUtcNow(), cancellationToken);
        if (userId is null || await users.FindAsync(Zone.Default, userId, cancellationToken) is not { Active: true, Verified: true } user) return new ErrorPage(Ended());
        await sessions.StartAsync(http, user, ByPassword, cancellationToken);
        return new SeeOther(Addresses.Home);
    }

    private async Task<Result<User, OAuthError>> CheckAsync(HttpContext http, Parameters form, CancellationToken cancellationToken)
    {
        if (form["username"] is not { } userName) return OAuthError.InvalidRequest("Missing parameter: username");
        if (form["password"] is not { } password) return OAuthError.InvalidRequest("Missing parameter: password");
        return await passwords.AuthenticateAsync(userName, password, http.Connection.RemoteIpAddress, cancellationToken);
    }

    // A form, or a JSON object of texts.
    private static async Task<Result<Parameters, OAuthError>> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (!request.HasJsonContentType()) return await FormBody.ReadAsync(request, cancellationToken);
        var body = await FormBody.BodyAsync(request, MaxBytes, cancellationToken);
        if (!body.IsSuccess) return body.Error;
        try
        {
            using var json = JsonDocument.Parse(body.Value, Strict);
            if (json.RootElement.ValueKind != JsonValueKind.Object) return OAuthError.InvalidRequest("The body must be a JSON object");
            var parameters = new Parameters();
            foreach (var member in json.RootElement.EnumerateObject())
                if (member.Value.ValueKind == JsonValueKind.String && member.Value.GetString() is { } text && !text.Contains('\0', StringComparison.Ordinal)) parameters.Add(member.Name, text);
            return parameters;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Text that is no Unicode shows up as InvalidOperationException when it is read.
            return OAuthError.InvalidRequest("The body is not JSON in UTF-8");
        }
    }

    private static OAuthError Ended() => new(400, "transaction_ended", "The code is unknown, used or too old");
}
