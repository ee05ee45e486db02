using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace SecureMesh.Sdk;

/// <summary>One kind of token that a service takes.</summary>
/// <param name="Type">The header's <c>typ</c>.</param>
/// <param name="FindKeyAsync">The keys that sign this kind, and no other.</param>
/// <param name="NoSuchKey">What it means that a key is not among them.</param>
/// <param name="Parameters">What such a token must be, apart from its key.</param>
/// <param name="Fault">What the parameters leave open in a payload whose signature is good; null when nothing is wrong.</param>
internal sealed record TokenKind(
    string Type, Func<string, ValueTask<IssuerKey?>> FindKeyAsync, string NoSuchKey, TokenValidationParameters Parameters, Func<JsonElement, string?> Fault)
{
    /// <summary>True for tokens of others than the mesh, who may spell the media type as they like (RFC 7515 §4.1.9); the mesh's own have one spelling.</summary>
    public bool IsForeign { get; private init; }

    /// <summary>Whether a header's <c>typ</c> says this kind.</summary>
    public bool Is(string? type) => type == Type || (IsForeign && type is not null && Plain(type).Equals(Plain(Type), StringComparison.OrdinalIgnoreCase));

    private static ReadOnlySpan<char> Plain(string type)
    {
        const string prefix = "application/";
        return type.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? type.AsSpan(prefix.Length) : type;
    }

    /// <summary>An access token of the mesh's issuer (RFC 9068 §4).</summary>
    public static TokenKind AccessToken(MeshOptions mesh, IIssuerKeys keys, TimeProvider time) => new(
        "at+jwt", kid => keys.FindAsync(kid), "the issuer publishes no such key",
        Common("at+jwt", mesh.Issuer, AcceptedAudiences.Of(mesh), [SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.RsaSha256], new TokenLifetime(time, TimeSpan.FromSeconds(30))),
        _ => null);

    /// <summary>What the gateway says in place of the caller's own credential, to this one service and for a minute (V-090; docs/decisions/0015).</summary>
    public static TokenKind Passport(MeshOptions mesh, IPassportKeys keys, TimeProvider time) => new(
        "passport+jwt", kid => keys.FindAsync(kid), keys is NoPassportKeys ? "no passport is taken here" : "no gateway has announced such a key",
        // Five seconds for clocks that differ: with them a stolen passport is dead a minute after it was made.
        Common("passport+jwt", mesh.Gateway.Url.TrimEnd('/'), [mesh.Audience], [SecurityAlgorithms.EcdsaSha256], new TokenLifetime(time, PassportClaims.Skew)),
        new PassportClaims(time).Fault);

    /// <summary>An access token of somebody else, who is trusted for this audience.</summary>
    public static TokenKind Trusted(OutsideIssuer issuer, string type, Func<string, ValueTask<IssuerKey?>> findKey, TimeProvider time) => new(
        type, findKey, "the issuer publishes no such key",
        Common(type, issuer.Issuer, [issuer.Audience], [.. issuer.Algorithms], new TokenLifetime(time, TimeSpan.FromSeconds(30))),
        _ => null)
    {
        IsForeign = true,
    };

    private static TokenValidationParameters Common(string type, string issuer, IEnumerable<string> audiences, string[] algorithms, TokenLifetime lifetime) => new()
    {
        ValidateIssuer = true,
        ValidIssuer = issuer,
        ValidateAudience = true,
        ValidAudiences = audiences,
        IgnoreTrailingSlashWhenValidatingAudience = false,
        ValidateLifetime = true,
        RequireExpirationTime = true,
        LifetimeValidator = lifetime.Validate,
        RequireSignedTokens = true,
        ValidateIssuerSigningKey = true,
        TryAllIssuerSigningKeys = false,
        ValidTypes = [type],
        ValidAlgorithms = algorithms,
        NameClaimType = "user_name",
    };
}

/// <summary>What a passport must say, and may not, beyond what every token must.</summary>
internal sealed class PassportClaims(TimeProvider time)
{
    public static readonly TimeSpan Skew = TimeSpan.FromSeconds(5);
    private const long LongestSeconds = 55;

    public string? Fault(JsonElement passport)
    {
        // One text: a passport for two services could be shown by one of them to the other.
        if (!passport.TryGetProperty("aud", out var audience) || audience.ValueKind != JsonValueKind.String) return "a passport has one audience";
        if (Seconds(passport, "iat") is not { } issued || Seconds(passport, "exp") is not { } expires) return "a passport says when it was made and until when it is good, in whole seconds";
        if (expires - issued > LongestSeconds || expires <= issued) return $"a passport is good for {LongestSeconds} s at most";
        if (issued > time.GetUtcNow().ToUnixTimeSeconds() + (long)Skew.TotalSeconds) return "not valid yet";
        return Text(passport, "sub") && Text(passport, "client_id") ? null : "a passport names a caller and a client";
    }

    private static long? Seconds(JsonElement passport, string name) =>
        passport.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var seconds)
            && seconds is > 0 and < 253_402_300_799 ? seconds : null;

    private static bool Text(JsonElement passport, string name) =>
        passport.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 };
}

/// <summary>The audiences of access tokens that a service answers to.</summary>
internal static class AcceptedAudiences
{
    public static IReadOnlyList<string> Of(MeshOptions mesh) => mesh.AcceptGatewayAudience ? [mesh.Audience, "mesh://gateway"] : [mesh.Audience];
}

/// <summary>Expiry by the injected clock, with some skew to either side.</summary>
internal sealed class TokenLifetime(TimeProvider time, TimeSpan skew)
{
    public bool Validate(DateTime? notBefore, DateTime? expires, SecurityToken token, TokenValidationParameters parameters)
    {
        var now = time.GetUtcNow().UtcDateTime;
        if (expires is null) throw new SecurityTokenNoExpirationException();
        if (notBefore > now + skew) throw new SecurityTokenNotYetValidException();
        if (expires > now - skew) return true;
        // The caller is told "expired" only when nothing else is wrong with the token.
        var onlyThat = token is JsonWebToken jwt
            && jwt.Issuer == parameters.ValidIssuer && jwt.Audiences.Intersect(parameters.ValidAudiences, StringComparer.Ordinal).Any();
        throw onlyThat ? new SecurityTokenExpiredException() : new SecurityTokenInvalidLifetimeException();
    }
}
