using System.Net;
using System.Text.Json;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>Tokens that only auth can read: opaque access tokens and API tokens. Asked again after a while (T-14).</summary>
internal sealed class OpaqueCheck(Online online, TimeProvider time) : ICredentialCheck
{
    /// <summary>What ends a token without a word on the feed, such as a scope that its owner lost, is in force here this much later.</summary>
    private static readonly TimeSpan _fresh = TimeSpan.FromSeconds(30);

    public IReadOnlyList<CredentialKind> Kinds { get; } = [CredentialKind.Opaque, CredentialKind.ApiToken];

    public string AskedAt => online.AskedAt;

    public Turns Turns { get; } = new(inAll: 256, ofOneAddress: 32, TimeSpan.FromSeconds(2), time);

    /// <summary>Also what is neither: no refresh token and no token of somebody else is worth a question.</summary>
    public Refusal? Fault(in Presented credential) => credential.Kind switch
    {
        CredentialKind.ApiToken when !ApiTokenFormat.IsWellFormed(credential.Text) => Refusal.Malformed("not an API token: a wrong length, character or checksum"),
        CredentialKind.Opaque when !OpaqueTokenFormat.IsWellFormed(credential.Text) => Refusal.Malformed("neither a signed token nor an opaque access token"),
        _ => null,
    };

    public async Task<Verdict> CheckAsync(Presented credential, IPAddress? address, CancellationToken cancellationToken)
    {
        var asked = time.GetTimestamp();
        var (claims, refusal) = await online.AskAsync(credential.Text, cancellationToken);
        if (claims is not { } known) return refusal!;
        if (Caller.Text(known, "token_use") is not (null or "access")) return Refusal.Invalid("not an access token");
        // As a signed token is asked: one that was narrowed to a service is for that service alone.
        if (!IsForGateway(known)) return Refusal.Invalid("for another audience");
        return Caller.Of(credential.Kind, known, null, TimeSpan.Zero, freshUntil: asked + (long)(_fresh.TotalSeconds * time.TimestampFrequency)) is { } caller ? caller : Refusal.Invalid("auth's answer is not that of an access token");
    }

    private static bool IsForGateway(JsonElement claims)
    {
        const string gateway = "mesh://gateway";
        if (!claims.TryGetProperty("aud", out var audience)) return false;
        return audience.ValueKind switch
        {
            JsonValueKind.String => audience.ValueEquals(gateway),
            JsonValueKind.Array => audience.EnumerateArray().Any(one => one.ValueKind == JsonValueKind.String && one.ValueEquals(gateway)),
            _ => false,
        };
    }
}
