using System.Buffers.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace SecureMesh.Sdk;

/// <summary>Checks access tokens of the mesh's issuer (RFC 9068 §4) outside the authentication of a request, for gateways.</summary>
public interface IAccessTokens
{
    /// <summary>Verifies a token for this service; revocations and proofs of possession are the caller's to check.</summary>
    /// <param name="token">A compact JWS.</param>
    /// <param name="cancellationToken">Gives up waiting for keys.</param>
    ValueTask<AccessTokenResult> VerifyAsync(string token, CancellationToken cancellationToken = default);
}

/// <summary>A verified token, or why there is none.</summary>
public sealed class AccessTokenResult
{
    private AccessTokenResult() { }

    /// <summary>The claims; undefined when the token was refused.</summary>
    public JsonElement Claims { get; private init; }

    /// <summary>The key that verified it.</summary>
    public string? KeyId { get; private init; }

    /// <summary>What the caller may read; null when the token is good.</summary>
    public Problem? Refusal { get; private init; }

    /// <summary>Why it was refused, without anything of the token in it; for logs.</summary>
    public string? Cause { get; private init; }

    internal static AccessTokenResult Of(string token, TokenValidationResult result)
    {
        if (!result.IsValid) return new AccessTokenResult { Refusal = Refusals.Of(result.Exception), Cause = Refusals.CauseOf(result.Exception) };
        var start = token.IndexOf('.', StringComparison.Ordinal) + 1;
        using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(token.AsSpan(start, token.LastIndexOf('.') - start)));
        return new AccessTokenResult { Claims = payload.RootElement.Clone(), KeyId = ((Microsoft.IdentityModel.JsonWebTokens.JsonWebToken)result.SecurityToken).Kid };
    }
}

/// <summary>The handler of the framework's scheme, asked directly and for access tokens alone.</summary>
internal sealed class AccessTokens(IIssuerKeys keys, IOptions<MeshOptions> mesh, TimeProvider time) : IAccessTokens
{
    private readonly BearerTokenHandler _handler = new(TokenKind.AccessToken(mesh.Value, keys, time)) { TakesBound = true };
    private readonly TokenValidationParameters _none = new(); // each kind of token brings its own

    public async ValueTask<AccessTokenResult> VerifyAsync(string token, CancellationToken cancellationToken = default)
    {
        var result = await _handler.ValidateTokenAsync(token, _none).WaitAsync(cancellationToken);
        return AccessTokenResult.Of(token, result);
    }
}
