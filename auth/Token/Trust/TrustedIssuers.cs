using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Token.Trust;

/// <summary>The issuers whose assertions count, and their keys: those that are configured, never what an assertion brings along.</summary>
internal sealed class TrustedIssuers(Current<TrustOptions> options)
{
    /// <summary>The issuer, if this client may show its assertions.</summary>
    public TrustedIssuer? Find(string issuer, Client client) =>
        options.Value.Issuers.FirstOrDefault(known => known.Enabled && known.Issuer == issuer && Words.Split(known.Clients).Contains(client.Id, StringComparer.Ordinal));

    /// <summary>True while what began with an assertion of the issuer may be renewed (J-03).</summary>
    public bool IsTrusted(string issuer, Client client) => Find(issuer, client) is not null;

    public bool TakesOwnIdTokens => options.Value.OwnIdTokens;

    /// <summary>The claims, proved by a key of the issuer; or why not, for the log.</summary>
    public static Result<JsonElement, string> Verify(TrustedIssuer issuer, CompactJws assertion, JsonElement keySet)
    {
        if (!Words.Split(issuer.Algorithms).Contains(assertion.Algorithm, StringComparer.Ordinal)) return "an algorithm that is not allowed";
        if (!keySet.TryGetProperty("keys", out var keys) || keys.ValueKind != JsonValueKind.Array) return "the issuer has no keys";
        // A kid picks one key; without it there must be one alone that fits.
        var fitting = keys.EnumerateArray().Where(key => assertion.Kid is null || key.Text("kid") == assertion.Kid)
            .Select(key => VerificationKey.FromJwk(key, assertion.Algorithm)).Where(key => key.IsSuccess).Take(2).ToArray();
        if (fitting.Length != 1) return fitting.Length == 0 ? "no such key" : "several keys fit";
        return assertion.Verify(fitting[0].Value!) is { } claims ? claims : "bad signature";
    }
}

/// <summary>Assertions that were shown: each is good once until it expires.</summary>
internal interface IUsedAssertions
{
    /// <summary>Notes the assertion in one conditional write.</summary>
    /// <returns>False when it was shown before.</returns>
    Task<bool> TryUseAsync(string zoneId, string issuer, string jti, DateTimeOffset until, CancellationToken cancellationToken);
}
