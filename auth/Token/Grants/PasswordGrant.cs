using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Token.Grants;

/// <summary>Name and password through a client registered for it (RFC 6749 §4.3; gone from OAuth 2.1, kept for UAA's command line clients).</summary>
internal sealed class PasswordGrant(PasswordSignIn signIn, ScopePolicy scopes, TimeProvider time) : IGrant
{
    public string GrantType => "password";

    public async Task<Result<Authorization, OAuthError>> AuthorizeAsync(TokenRequest request, AuthenticatedClient client, CancellationToken cancellationToken)
    {
        if (request.Form["username"] is not { } userName) return OAuthError.InvalidRequest("Missing parameter: username");
        if (request.Form["password"] is not { } password) return OAuthError.InvalidRequest("Missing parameter: password");
        if (Origin(request.Form["login_hint"]) is { } origin && origin != "uaa")
            return OAuthError.Unauthorized("The origin provided in the login_hint does not match an active Identity Provider, that supports password grant.");

        var user = await signIn.AuthenticateAsync(userName, password, request.Address, cancellationToken);
        if (!user.IsSuccess) return user.Error;
        var granted = await scopes.ForUserAsync(client.Client, user.Value, request.Scopes, cancellationToken);
        if (!granted.IsSuccess) return granted.Error;
        return new Authorization
        {
            Client = client,
            User = user.Value,
            Scopes = granted.Value,
            Resources = request.Resources,
            GrantType = GrantType,
            AuthTime = time.GetUtcNow(),
            Details = new SignInDetails { Amr = ["pwd"] },
        };
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
}
