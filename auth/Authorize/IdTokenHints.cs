using SecureMesh.Auth.Keys;

namespace SecureMesh.Auth.Authorize;

/// <summary>Reads <c>id_token_hint</c>: an id token of this service for this client, however old (OpenID Connect Core §3.1.2.1).</summary>
internal sealed class IdTokenHints(OwnTokens tokens)
{
    /// <summary>Whom it names; null when it is no such token.</summary>
    public async Task<string?> SubjectAsync(string hint, string clientId, CancellationToken cancellationToken)
    {
        var claims = await tokens.VerifyAsync(hint, "JWT", evenExpired: true, cancellationToken);
        if (!claims.IsSuccess || claims.Value.Text("token_use") != "id") return null;
        return claims.Value.TryGetProperty("aud", out var audience) && audience.EnumerateArray().Any(name => name.GetString() == clientId) ? claims.Value.Text("sub") : null;
    }
}
