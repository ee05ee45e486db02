using System.Text.Json;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Passports;

/// <summary>A key by which a gateway signs passports: a point on P-256, named by its thumbprint (RFC 7638).</summary>
internal sealed record PassportKey(string Kid, string X, string Y)
{
    /// <summary>The key of a JWK (RFC 7517) that somebody sent; or what is wrong with it, for him.</summary>
    public static Result<PassportKey, string> Read(JsonElement jwk)
    {
        if (VerificationKey.FromJwk(jwk, "ES256") is { IsSuccess: false } refused) return refused.Error;
        // Whoever names his key himself could name it like another one.
        if (VerificationKey.Thumbprint(jwk) is not { } thumbprint || jwk.Text("kid") != thumbprint) return "kid must be the thumbprint of the key (RFC 7638)";
        return new PassportKey(thumbprint, jwk.Text("x")!, jwk.Text("y")!);
    }

    /// <summary>The members of the JWK.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("kty", "EC");
        json.WriteString("crv", "P-256");
        json.WriteString("x", X);
        json.WriteString("y", Y);
        json.WriteString("kid", Kid);
        json.WriteString("alg", "ES256");
        json.WriteString("use", "sig");
    }
}

/// <summary>What became of an announcement.</summary>
internal enum Announcement
{
    /// <summary>The key is new.</summary>
    Announced,

    /// <summary>The key was known and is good for longer.</summary>
    Renewed,

    /// <summary>Another client has announced it.</summary>
    OfAnother,

    /// <summary>An administrator has revoked it: it never comes back.</summary>
    Revoked,

    /// <summary>The client has as many keys as it may have.</summary>
    TooMany,
}

/// <summary>The keys that gateways have announced.</summary>
internal interface IPassportKeys
{
    /// <summary>Announces the key or renews its lease, in one conditional write.</summary>
    Task<Announcement> AnnounceAsync(string zoneId, string clientId, PassportKey key, DateTimeOffset now, DateTimeOffset until, int most, CancellationToken cancellationToken);

    /// <summary>Withdraws a client's own key.</summary>
    /// <returns>False when the client has announced no such key.</returns>
    Task<bool> WithdrawAsync(string zoneId, string clientId, string kid, CancellationToken cancellationToken);

    /// <summary>Withdraws anybody's key for good and tells all who follow the revocations.</summary>
    /// <returns>The client that announced it; null when nobody did.</returns>
    Task<string?> RevokeAsync(string zoneId, string kid, DateTimeOffset now, string because, CancellationToken cancellationToken);

    /// <summary>The keys that are announced now, by clients that are there and enabled.</summary>
    Task<IReadOnlyList<PassportKey>> ListAsync(DateTimeOffset now, CancellationToken cancellationToken);
}
