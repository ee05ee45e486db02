using System.Text.Json;
using SecureMesh.Auth.ApiTokens;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;

namespace SecureMesh.Auth.Inspection;

/// <summary><c>/uaa/check_token</c> (UAA) and <c>/uaa/introspect</c> (RFC 7662): what a token says, for services that may know.</summary>
internal sealed class InspectionEndpoint(ClientAuthenticator clients, BearerAuthentication bearer, TokenVerifier verifier, ApiTokenUses uses, RefreshInspection refresh)
{
    private const string Permission = "uaa.resource";

    public async Task<IResult> CheckTokenAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var form = await FormBody.ReadAsync(http.Request, cancellationToken);
        if (!form.IsSuccess) return form.Error;
        var caller = await ClientAsync(http, form.Value, cancellationToken);
        if (!caller.IsSuccess) return caller.Error;

        if (form.Value["token"] is not { } value) return NotGood("no token");
        var token = await verifier.VerifyAsync(value, cancellationToken);
        if (!token.IsSuccess) return NotGood(token.Error);
        if (!MayKnow(caller.Value, token.Value)) return NotGood("not for this caller");
        if (token.Value.IsApiToken) uses.Note(token.Value.Marks.TokenId, http.Connection.RemoteIpAddress);
        var missing = (form.Value["scopes"] ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(scope => !token.Value.Scopes.Contains(scope, StringComparer.Ordinal)).ToArray();
        return missing.Length > 0
            ? OAuthError.InvalidScope($"Some requested scopes are missing: {OAuthError.Printable(string.Join(',', missing))}")
            : new Answer(json => Claims(json, token.Value));
    }

    public async Task<IResult> IntrospectAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var form = await FormBody.ReadAsync(http.Request, cancellationToken);
        if (!form.IsSuccess) return form.Error;
        var caller = await CallerAsync(http, form.Value, cancellationToken);
        if (!caller.IsSuccess) return caller.Error;

        if (form.Value["token"] is not { } value) return OAuthError.InvalidRequest("Missing parameter: token");
        // By its looks, not by token_type_hint, which may be wrong (RFC 7662 §2.1).
        if (RefreshFamilies.IsWellFormed(value)) return await refresh.FindAsync(value, caller.Value, cancellationToken) is { } found ? found : ReadyAnswer.Inactive;
        var token = await verifier.VerifyAsync(value, cancellationToken);
        // One answer for every token that is not good or not the caller's business (RFC 7662 §2.2).
        if (!token.IsSuccess || !MayKnow(caller.Value, token.Value)) return ReadyAnswer.Inactive;
        if (token.Value.IsApiToken) uses.Note(token.Value.Marks.TokenId, http.Connection.RemoteIpAddress);
        return new ReadyAnswer(token.Value.Introspection(standard: caller.Value.Wire == "rfc"));
    }

    private async Task<Result<Client, OAuthError>> CallerAsync(HttpContext http, Parameters form, CancellationToken cancellationToken)
    {
        if (http.Request.Headers.Authorization.ToString() is not { } shown || !(shown.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) || shown.StartsWith("DPoP ", StringComparison.OrdinalIgnoreCase))) return await ClientAsync(http, form, cancellationToken);
        var token = await bearer.AuthenticateAsync(http, scope: Permission, cancellationToken: cancellationToken);
        return token.IsSuccess ? token.Value.Client : token.Error;
    }

    private async Task<Result<Client, OAuthError>> ClientAsync(HttpContext http, Parameters form, CancellationToken cancellationToken)
    {
        var client = await clients.AuthenticateAsync(http.Request, form, cancellationToken);
        if (!client.IsSuccess) return client.Error;
        return client.Value.Client.Authorities.Contains(Permission, StringComparer.Ordinal)
            ? client.Value.Client
            : OAuthError.InsufficientScope(Permission);
    }

    // A service learns about tokens of its own and tokens shown to it. The gateway's audience stands for every service behind it.
    private static bool MayKnow(Client caller, VerifiedToken token) =>
        token.Client.Id == caller.Id || token.Audience.Contains("mesh://" + caller.Id, StringComparer.Ordinal)
        || (token.Audience.Contains("mesh://gateway", StringComparer.Ordinal) && caller.Authorities.Contains("server", StringComparer.Ordinal));

    private static OAuthError NotGood(string detail) => new(400, "invalid_token", "The token is malformed, expired, revoked or not for this caller") { Detail = detail };

    private static void Claims(Utf8JsonWriter json, VerifiedToken token)
    {
        foreach (var claim in token.Claims.EnumerateObject()) claim.WriteTo(json);
    }
}
