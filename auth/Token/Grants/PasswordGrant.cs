using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Login;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Token.Grants;

/// <summary>
/// Name and password, or a one-time passcode, through a client registered for it (RFC 6749 §4.3; gone from OAuth 2.1, kept for
/// UAA's command line clients).
/// </summary>
internal sealed class PasswordGrant(
    PasswordSignIn signIn, IPasscodes passcodes, IUsers users, ScopePolicy scopes, IssuancePolicy policy, TimeProvider time) : IGrant
{
    public string GrantType => "password";

    public async Task<Result<Authorization, OAuthError>> AuthorizeAsync(TokenRequest request, AuthenticatedClient client, CancellationToken cancellationToken)
    {
        var attributes = AuthorizationAttributes.Read(request.Form);
        if (!attributes.IsSuccess) return attributes.Error;
        var person = request.Form["passcode"] is { } passcode
            ? await RedeemAsync(passcode, request, cancellationToken) : await SignInAsync(request, cancellationToken);
        if (!person.IsSuccess) return person.Error;

        var granted = await scopes.ForUserAsync(client.Client, person.Value.User, request.Scopes, cancellationToken);
        if (!granted.IsSuccess) return granted.Error;
        return new Authorization
        {
            Client = client,
            User = person.Value.User,
            Scopes = granted.Value,
            Resources = request.Resources,
            GrantType = GrantType,
            AuthTime = person.Value.AuthTime,
            Details = new SignInDetails { Amr = person.Value.Amr, AzAttr = attributes.Value.Value },
        };
    }

    private async Task<Result<Person, OAuthError>> SignInAsync(TokenRequest request, CancellationToken cancellationToken)
    {
        if (request.Form["username"] is not { } userName) return OAuthError.InvalidRequest("Missing parameter: username");
        if (request.Form["password"] is not { } password) return OAuthError.InvalidRequest("Missing parameter: password");
        if (Origin(request.Form["login_hint"]) is { } origin && origin != "uaa")
            return OAuthError.Unauthorized("The origin provided in the login_hint does not match an active Identity Provider, that supports password grant.");
        var user = await signIn.AuthenticateAsync(userName, password, request.Address, cancellationToken);
        return user.IsSuccess ? new Person(user.Value, time.GetUtcNow(), ["pwd"]) : user.Error;
    }

    // The code is spent before anything else is looked at. A locked name stays locked however its user proves himself (U-05).
    private async Task<Result<Person, OAuthError>> RedeemAsync(string passcode, TokenRequest request, CancellationToken cancellationToken)
    {
        if (request.Form.Has("username") || request.Form.Has("password")) return OAuthError.InvalidRequest("A passcode goes without username and password");
        if (await passcodes.RedeemAsync(passcode, cancellationToken) is not { } code) return OAuthError.Unauthorized("Invalid passcode", "unknown, used, replaced or too old");
        if (await users.FindAsync(code.ZoneId, code.UserId, cancellationToken) is not { Active: true } user) return OAuthError.Unauthorized("Invalid passcode", "user gone or not active");
        return await policy.CheckLockAsync(user, cancellationToken) is { } locked ? locked : new Person(user, code.AuthTime, code.Amr);
    }

    // {"origin":"ldap"}, by some clients encoded once more; what is no such text is no hint, as in UAA.
    private static string? Origin(string? hint)
    {
        if (hint is null) return null;
        var text = hint.StartsWith('{') ? hint : FormBody.Decode(hint) ?? "";
        try
        {
            using var json = JsonDocument.Parse(text);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("origin", out var origin)
                && origin.ValueKind == JsonValueKind.String ? origin.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // An escaped half of a surrogate pair is good JSON and shows up as InvalidOperationException when it is read.
            return null;
        }
    }

    private sealed record Person(User User, DateTimeOffset AuthTime, IReadOnlyList<string> Amr);
}
