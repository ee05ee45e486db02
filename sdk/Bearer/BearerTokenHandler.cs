using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace SecureMesh.Sdk;

/// <summary>
/// Verifies what a caller shows: each kind of token by its own keys and rules, with the one key it names and the one
/// algorithm of that key.
/// </summary>
internal sealed class BearerTokenHandler : JsonWebTokenHandler
{
    /// <summary>Label of the identity of a caller whose token was verified here; one that another scheme knows has none.</summary>
    public const string Verified = "SecureMesh.Verified";

    private const int LongestToken = 16 * 1024;
    private readonly TokenKind[] _kinds;

    public BearerTokenHandler(params TokenKind[] kinds)
    {
        _kinds = kinds;
        MapInboundClaims = false;
        MaximumTokenSizeInBytes = LongestToken;
    }

    /// <summary>True: whoever asks checks the proof of a token that is bound to a key himself.</summary>
    public bool TakesBound { get; init; }

    /// <summary>Set for tokens of others than the mesh: the types that are taken are those of the kinds, whatever they are.</summary>
    public bool IsForeign { get; init; }

    public override async Task<TokenValidationResult> ValidateTokenAsync(string token, TokenValidationParameters validationParameters)
    {
        if (token.Length > LongestToken) return Refused("larger than 16 KiB");
        if (ReadHeader(token, out var refusal) is not { } header) return Refused(refusal!);
        if (Array.Find(_kinds, kind => kind.Is(header.Type)) is not { } kind) return Refused($"typ {header.Type} is not taken here");
        IssuerKey? key;
        try
        {
            key = await kind.FindKeyAsync(header.Kid);
        }
        catch (IssuerKeysUnavailableException e)
        {
            return new TokenValidationResult { IsValid = false, Exception = e };
        }
        if (key is null) return Refused(kind.NoSuchKey);
        if (key.Algorithm != header.Algorithm) return Refused("alg is not that of the key");
        // Asked here: the library takes an empty list of algorithms for any algorithm.
        if (!kind.Parameters.ValidAlgorithms.Contains(key.Algorithm, StringComparer.Ordinal)) return Refused("alg is not one for this kind of token");

        var parameters = kind.Parameters.Clone();
        parameters.IssuerSigningKey = key.Key;
        parameters.IssuerSigningKeys = null;
        parameters.ValidAlgorithms = [key.Algorithm];
        parameters.ValidTypes = [header.Type]; // judged above; the library knows no second spelling
        var result = await base.ValidateTokenAsync(token, parameters);
        // The library says no more than that it could not read the payload.
        if (result.Exception is ArgumentException) return Refused(TokenPayload.Unreadable(token));
        if (!result.IsValid) return result;
        // A token bound to a key (RFC 7800) is no bearer token; whoever shows it without the proof may have stolen it.
        if (!TakesBound && result.Claims.ContainsKey("cnf")) return Refused("bound to a key, shown as a bearer token");
        if (TokenPayload.Fault(token, kind, result.ClaimsIdentity) is { } fault) return Refused(fault);
        result.ClaimsIdentity.Label = Verified;
        return result;
    }

    private TokenHeader? ReadHeader(string token, out string? refusal) => IsForeign
        ? TokenHeader.Read(token, type => Array.Exists(_kinds, kind => kind.Is(type)), $"typ is not {string.Join(" or ", _kinds.Select(kind => kind.Type))}, which access tokens of this issuer have", out refusal)
        : TokenHeader.Read(token, out refusal);

    private static TokenValidationResult Refused(string cause) =>
        new() { IsValid = false, Exception = new TokenRefusedException(cause) };
}

/// <summary>The cause is of our own making and safe to log.</summary>
internal sealed class TokenRefusedException(string cause) : Exception(cause);
