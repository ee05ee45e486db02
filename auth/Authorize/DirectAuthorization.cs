using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Login;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Authorize;

/// <summary>Authorization without a browser, as UAA's command-line clients do it (uaa.md §2.2): no session, no cookie, no page.</summary>
internal sealed class DirectAuthorization(
    AuthorizationFlow flow, AuthorizationAnswers answers, PasswordSignIn signIn, IPasscodes passcodes, IUsers users, BearerAuthentication bearer, IOptions<MeshOptions> mesh,
    TimeProvider time)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 4 };

    /// <summary>Name and password, or a passcode, with the request (U-16).</summary>
    public async Task<IResult> ByPasswordAsync(HttpContext http, AuthorizationRequest request, Parameters parameters, CancellationToken cancellationToken)
    {
        // Another site's form would sign its own user in (login CSRF), or try passwords from its visitors' addresses.
        if (http.Request.Headers.Origin.Any(origin => origin is not null && origin != Origin())) return OAuthError.AccessDenied("This is not for pages of other sites");
        if (!request.Client.GrantTypes.Contains("implicit", StringComparer.Ordinal))
            return new OAuthError(401, "unauthorized_client", "The client is not registered for sign-in without a browser");
        var person = await PersonAsync(http, parameters, cancellationToken);
        if (!person.IsSuccess) return person.Error;
        // Whoever gives his password to a client agrees to what the client asks for.
        var granted = await flow.MayWithoutBrowserAsync(request, person.Value, askedAlready: true, cancellationToken);
        if (!granted.IsSuccess) return Found(granted.Error);
        var answer = await answers.GrantAsync(request, person.Value, granted.Value, null, http.Connection.RemoteIpAddress, cancellationToken);
        return answer is AuthorizationResponse response ? response.Found() : answer;
    }

    /// <summary>A code for the holder of a user's token with <c>uaa.user</c>; what was not agreed to before is not granted.</summary>
    public async Task<IResult> ByTokenAsync(HttpContext http, AuthorizationRequest request, CancellationToken cancellationToken)
    {
        var token = await bearer.AuthenticateAsync(http, scope: "uaa.user", cancellationToken: cancellationToken);
        if (!token.IsSuccess) return token.Error;
        if (token.Value.User is not { } user) return OAuthError.AccessDenied("This needs the token of a user");
        if (token.Value.IsApiToken) return OAuthError.AccessDenied("An API token cannot begin a sign-in");
        if (token.Value.Claims.TryGetProperty("act", out _)) return OAuthError.AccessDenied("Who acts for another cannot begin a sign-in");
        if (request.ResponseTypes.Count != 1 || !request.IsCode) return Found(new AuthorizationFailure(new OAuthError(400, "unsupported_response_type", "Unsupported response type"), request.Target));
        var claims = token.Value.Claims;
        var authTime = claims.TryGetProperty("auth_time", out var at) && at.TryGetInt64(out var seconds) ? DateTimeOffset.FromUnixTimeSeconds(seconds) : time.GetUtcNow();
        var amr = claims.TryGetProperty("amr", out var list) && list.ValueKind == JsonValueKind.Array ? list.EnumerateArray().Select(one => one.GetString()!).ToArray() : [];
        var session = claims.TryGetProperty("sid", out var sid) ? sid.GetString() : null;
        var person = new Person(user, authTime, amr, session);
        var granted = await flow.MayWithoutBrowserAsync(request, person, askedAlready: false, cancellationToken);
        if (!granted.IsSuccess) return Found(granted.Error);
        return await answers.GrantAsync(request, person, granted.Value, null, http.Connection.RemoteIpAddress, cancellationToken);
    }

    private async Task<Result<Person, OAuthError>> PersonAsync(HttpContext http, Parameters parameters, CancellationToken cancellationToken)
    {
        if (parameters["passcode"] is { } passcode)
        {
            if (await passcodes.RedeemAsync(passcode, cancellationToken) is not { } redeemed) return OAuthError.Unauthorized("Invalid passcode");
            return await users.FindAsync(redeemed.ZoneId, redeemed.UserId, cancellationToken) is { Active: true } found
                ? new Person(found, redeemed.AuthTime, redeemed.Amr, null)
                : OAuthError.Unauthorized("Invalid passcode", "user gone or not active");
        }
        var (name, password) = (parameters["username"], parameters["password"]);
        if (parameters["credentials"] is { } old) (name, password) = Credentials(old);
        if (name is null || password is null) return OAuthError.BadCredentials("no name or no password");
        var user = await signIn.AuthenticateAsync(name, password, http.Connection.RemoteIpAddress, cancellationToken);
        return user.IsSuccess ? new Person(user.Value, time.GetUtcNow(), ["pwd"], null) : user.Error;
    }

    // {"username":"..","password":".."}: the older form.
    private static (string?, string?) Credentials(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text, Strict);
            return (Keys.Members.Text(json.RootElement, "username"), Keys.Members.Text(json.RootElement, "password"));
        }
        catch (JsonException)
        {
            return (null, null);
        }
    }

    private string Origin() => new Uri(mesh.Value.Issuer).GetLeftPart(UriPartial.Authority);

    // These programs look for 302 whatever they sent.
    private static IResult Found(AuthorizationFailure failure) =>
        failure.Target is { } target ? target.Answer(("error", failure.Error.Code), ("error_description", failure.Error.Description)).Found() : failure;
}
