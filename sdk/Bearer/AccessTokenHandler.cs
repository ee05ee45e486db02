using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace SecureMesh.Sdk;

/// <summary>Verifies an access token of the mesh's issuer (RFC 9068 §4) with the one key it names and the one algorithm of that key.</summary>
internal sealed class AccessTokenHandler : JsonWebTokenHandler
{
    private const int LongestToken = 16 * 1024;
    private readonly IIssuerKeys _keys;

    public AccessTokenHandler(IIssuerKeys keys)
    {
        _keys = keys;
        MapInboundClaims = false;
        MaximumTokenSizeInBytes = LongestToken;
    }

    public override async Task<TokenValidationResult> ValidateTokenAsync(string token, TokenValidationParameters validationParameters)
    {
        if (token.Length > LongestToken) return Refused("larger than 16 KiB");
        if (TokenHeader.Read(token, out var refusal) is not { } header) return Refused(refusal!);
        IssuerKey? key;
        try
        {
            key = await _keys.FindAsync(header.Kid);
        }
        catch (IssuerKeysUnavailableException e)
        {
            return new TokenValidationResult { IsValid = false, Exception = e };
        }
        if (key is null) return Refused("the issuer publishes no such key");
        if (key.Algorithm != header.Algorithm) return Refused("alg is not that of the key");

        var parameters = validationParameters.Clone();
        parameters.IssuerSigningKey = key.Key;
        parameters.IssuerSigningKeys = null;
        parameters.ValidAlgorithms = [key.Algorithm];
        var result = await base.ValidateTokenAsync(token, parameters);
        if (!result.IsValid) return result;
        // A token bound to a key (RFC 7800) is no bearer token; whoever shows it without the proof may have stolen it.
        if (result.Claims.ContainsKey("cnf")) return Refused("bound to a key, shown as a bearer token");
        return TokenPayload.Fault(token, result.ClaimsIdentity) is { } fault ? Refused(fault) : result;
    }

    /// <summary>What a token must be, apart from key and algorithm, which belong together and are set for each token.</summary>
    public static TokenValidationParameters Parameters(MeshOptions mesh, TimeProvider time) => new()
    {
        ValidateIssuer = true,
        ValidIssuer = mesh.Issuer,
        ValidateAudience = true,
        ValidAudiences = AcceptedAudiences.Of(mesh),
        IgnoreTrailingSlashWhenValidatingAudience = false,
        ValidateLifetime = true,
        RequireExpirationTime = true,
        LifetimeValidator = new TokenLifetime(time).Validate,
        RequireSignedTokens = true,
        ValidateIssuerSigningKey = true,
        TryAllIssuerSigningKeys = false,
        ValidTypes = ["at+jwt"],
        ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.RsaSha256],
        NameClaimType = "user_name",
    };

    private static TokenValidationResult Refused(string cause) =>
        new() { IsValid = false, Exception = new TokenRefusedException(cause) };
}

/// <summary>The cause is of our own making and safe to log.</summary>
internal sealed class TokenRefusedException(string cause) : Exception(cause);

/// <summary>The audiences a service answers to: one list, to be narrowed when the gateway stops relaying the caller's own token.</summary>
internal static class AcceptedAudiences
{
    public static IReadOnlyList<string> Of(MeshOptions mesh) => [mesh.Audience, "mesh://gateway"];
}

/// <summary>Expiry by the injected clock, with 30 s of skew to either side.</summary>
internal sealed class TokenLifetime(TimeProvider time)
{
    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);

    public bool Validate(DateTime? notBefore, DateTime? expires, SecurityToken token, TokenValidationParameters parameters)
    {
        var now = time.GetUtcNow().UtcDateTime;
        if (expires is null) throw new SecurityTokenNoExpirationException();
        if (notBefore > now + Skew) throw new SecurityTokenNotYetValidException();
        if (expires > now - Skew) return true;
        // The caller is told "expired" only when nothing else is wrong with the token.
        var onlyThat = token is JsonWebToken jwt
            && jwt.Issuer == parameters.ValidIssuer && jwt.Audiences.Intersect(parameters.ValidAudiences, StringComparer.Ordinal).Any();
        throw onlyThat ? new SecurityTokenExpiredException() : new SecurityTokenInvalidLifetimeException();
    }
}
