using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Clients;

/// <summary>The assertions that clients have used, for as long as they could be used again.</summary>
internal interface IClientAssertions
{
    /// <summary>Remembers the assertion, in one conditional write.</summary>
    /// <returns>False when it was used before.</returns>
    Task<bool> TryUseAsync(string zoneId, string clientId, string jtiHash, DateTimeOffset expiresAt, CancellationToken cancellationToken);
}

/// <summary>
/// <c>private_key_jwt</c> (RFC 7523 §2.2, OpenID Connect Core §9): a JWT that the client signed for this issuer alone, good once.
/// </summary>
internal sealed partial class AssertionAuthentication(
    KnownClients clients, ClientKeys keys, IClientAssertions used, IOptions<MeshOptions> mesh, TimeProvider time, ILogger<AssertionAuthentication> logger)
    : IProofAuthentication
{
    private const string Type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    /// <summary>RFC 8414 §2, <c>token_endpoint_auth_signing_alg_values_supported</c>.</summary>
    public static readonly IReadOnlyList<string> Algorithms = ["ES256", "PS256", "RS256"];

    public string Method => "private_key_jwt";

    public bool IsTried(HttpRequest request, Parameters form) => form["client_assertion"] is not null || form["client_assertion_type"] is not null;

    public async Task<Result<Client, OAuthError>> AuthenticateAsync(HttpRequest request, Parameters form, CancellationToken cancellationToken)
    {
        if (form["client_assertion"] is not { } assertion) return OAuthError.InvalidRequest("Missing parameter: client_assertion");
        if (form["client_assertion_type"] != Type) return OAuthError.InvalidRequest($"client_assertion_type must be {Type}");
        var client = await VerifyAsync(assertion, cancellationToken);
        if (client.IsSuccess) return client.Value;
        Log.Refused(logger, client.Error);
        return OAuthError.BadCredentials(client.Error);
    }

    private async Task<Result<Client, string>> VerifyAsync(string assertion, CancellationToken cancellationToken)
    {
        // 1. Whose it says it is, to find the keys.
        var jws = CompactJws.Read(assertion);
        if (!jws.IsSuccess) return jws.Error;
        // Other kinds of tokens that the client may sign, proofs above all, are no assertions.
        if (jws.Value.Header.Has("typ") && jws.Value.Type is not ("JWT" or "jwt" or "client-authentication+jwt")) return "another typ";
        if (jws.Value.Unverified.Text("sub") is not { } id || jws.Value.Unverified.Text("iss") != id) return "iss and sub are not one client";
        if (await clients.FindAsync(Zone.Default, id, cancellationToken) is not { Enabled: true } client) return "no such client";

        // 2. Signed by one of the client's keys, with an algorithm it may use.
        var algorithm = jws.Value.Algorithm;
        if (!Algorithms.Contains(algorithm, StringComparer.Ordinal)) return "another alg";
        if (client.Metadata.TokenEndpointAuthSigningAlg is { } registered && registered != algorithm) return "not the registered alg";
        if (client.Metadata.Profile == "fapi2" && algorithm == "RS256") return "RS256 is not allowed by the profile";
        if (await keys.FindAsync(client, jws.Value.Kid, algorithm, cancellationToken) is not { } key) return "no such key of the client";
        if (jws.Value.Verify(key) is not { } claims) return "bad signature";

        // 3. For us, now, and once.
        if (Fault(claims) is { } fault) return fault;
        var jti = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(claims.Text("jti")!)));
        return await used.TryUseAsync(client.ZoneId, client.Id, jti, claims.Time("exp")!.Value + Skew, cancellationToken) ? client : "used before";
    }

    private string? Fault(JsonElement claims)
    {
        var now = time.GetUtcNow();
        // One text and the issuer itself: an address of an endpoint, or a list, is what another server may have made the client
        // sign for its own ends (V-059).
        if (claims.Text("aud") != mesh.Value.Issuer) return "aud is not the issuer";
        if (string.IsNullOrEmpty(claims.Text("jti"))) return "no jti";
        if (claims.Time("exp") is not { } expires || claims.Time("iat") is not { } issued) return "no exp or no iat";
        if (expires + Skew <= now) return "expired";
        if (issued > now + Skew || (claims.Has("nbf") && !(claims.Time("nbf") <= now + Skew))) return "from the future";
        return expires - issued > Longest || expires > now + Longest + Skew ? "good for too long" : null;
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.ClientAssertionRefused, LogLevel.Information, "A client assertion was refused: {Reason}")]
        public static partial void Refused(ILogger logger, string reason);
    }
}
