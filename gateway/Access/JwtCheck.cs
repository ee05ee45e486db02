using System.Buffers.Text;
using System.Net;
using System.Text.Json;
using SecureMesh.Gateway.Access.Foreign;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>Signed access tokens: of the mesh's issuer, and of those that are trusted beside it, each by its own keys and nobody else's word.</summary>
internal sealed class JwtCheck(IAccessTokens tokens, ForeignIssuers foreign, TimeProvider time) : ICredentialCheck
{
    /// <summary>What the check of a token grants clocks that differ.</summary>
    private static readonly TimeSpan _skew = TimeSpan.FromSeconds(30);

    /// <summary>No feed tells what others revoke or that they are trusted no more: their tokens are looked at again.</summary>
    private static readonly TimeSpan _fresh = TimeSpan.FromSeconds(30);

    public IReadOnlyList<CredentialKind> Kinds { get; } = [CredentialKind.Jwt];

    public Refusal? Fault(in Presented credential) =>
        credential.Text.AsSpan().Count('.') == 2 ? null : Refusal.Malformed("not a compact signed token");

    public async Task<Verdict> CheckAsync(Presented credential, IPAddress? address, CancellationToken cancellationToken)
    {
        if (foreign.Any && IssuerOf(credential.Text) is { } issuer && foreign.Find(issuer) is { } trusted) return await CheckForeignAsync(credential, trusted, cancellationToken);
        var result = await tokens.VerifyAsync(credential.Text, cancellationToken);
        if (result.Refusal is not null) return Refusal.Of(result);
        return Caller.Of(CredentialKind.Jwt, result.Claims, result.KeyId, _skew) is { } caller ? caller : Refusal.Invalid("not the claims of an access token");
    }

    private async Task<Verdict> CheckForeignAsync(Presented credential, ForeignIssuers.Entry trusted, CancellationToken cancellationToken)
    {
        var asked = time.GetTimestamp();
        var result = await trusted.Tokens.VerifyAsync(credential.Text, cancellationToken);
        if (result.Refusal is not null) return Refusal.Of(result);
        if (ForeignIssuer.Fault(result.Claims) is { } fault) return Refusal.Invalid(fault);
        return Caller.Of(CredentialKind.Foreign, trusted.Issuer.Claims(result.Claims), null, _skew, freshUntil: asked + (long)(_fresh.TotalSeconds * time.TimestampFrequency)) is { } caller ? caller : Refusal.Invalid("not the claims of an access token");
    }

    /// <summary>Chooses who checks the token; he believes nothing of it before.</summary>
    private static string? IssuerOf(string token)
    {
        try
        {
            var start = token.IndexOf('.', StringComparison.Ordinal) + 1;
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(token.AsSpan(start, token.LastIndexOf('.') - start)));
            return payload.RootElement.ValueKind == JsonValueKind.Object ? Caller.Text(payload.RootElement, "iss") : null;
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }
}
