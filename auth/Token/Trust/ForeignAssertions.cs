using Microsoft.Extensions.Options;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Token.Trust;

/// <summary>Whom an assertion stands for.</summary>
/// <param name="User">The user.</param>
/// <param name="Jti">Names the assertion among those of its issuer.</param>
/// <param name="Until">From when on nobody takes it any more.</param>
/// <param name="AuthTime">When the user signed in there.</param>
/// <param name="Amr">How.</param>
/// <param name="SessionId">Of an id token of ours: its session.</param>
internal sealed record Asserted(User User, string Jti, DateTimeOffset Until, DateTimeOffset AuthTime, IReadOnlyList<string> Amr, string? SessionId);

/// <summary>Checks the assertions of trusted issuers (RFC 7523 §3, J-01): each claim must be there and right.</summary>
internal sealed class ForeignAssertions(TrustedKeys keys, IUsers users, IOptions<MeshOptions> mesh, TimeProvider time)
{
    // K-09: clocks differ by a little, and nobody needs an assertion for longer than a moment.
    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);
    private const int LongestId = 256;

    /// <summary>Whom it stands for; or why it counts for nothing, for the log.</summary>
    public async Task<Result<Asserted, string>> VerifyAsync(TrustedIssuer issuer, CompactJws assertion, CancellationToken cancellationToken)
    {
        // Another kind of token of the same issuer is no assertion (RFC 8725 §3.11).
        if (assertion.Type is { } type && !type.Equals("JWT", StringComparison.OrdinalIgnoreCase)) return "another typ";
        var keySet = await keys.OfAsync(issuer, assertion.Kid, cancellationToken);
        if (!keySet.IsSuccess) return keySet.Error;
        var verified = TrustedIssuers.Verify(issuer, assertion, keySet.Value);
        if (!verified.IsSuccess) return verified.Error;
        var claims = verified.Value;

        // One audience, and that is us: an assertion for two could be shown here by the other one.
        if (claims.Text("aud") != mesh.Value.Issuer) return "not for this service";
        var now = time.GetUtcNow();
        if (claims.Time("exp") is not { } expires) return "no exp";
        if (expires <= now - Skew) return "expired";
        if (expires > now + Longest + Skew || (claims.Time("iat") is { } from && expires - from > Longest)) return "good for too long";
        foreach (var name in new[] { "iat", "nbf" })
            if (claims.Has(name) && !(claims.Time(name) <= now + Skew)) return $"{name} is in the future";
        if (claims.Text("jti") is not { Length: > 0 and <= LongestId } jti) return "no jti";

        var named = claims.Text(issuer.Claim);
        if (string.IsNullOrEmpty(named) || string.IsNullOrEmpty(claims.Text("sub"))) return "names nobody";
        if (!Words.Split(issuer.Subjects).Any(pattern => ScopePolicy.Matches(pattern, named))) return "names somebody whom the issuer may not sign in";
        var user = issuer.Names == "id" ? await users.FindAsync(Zone.Default, named, cancellationToken) : await users.FindByNameAsync(Zone.Default, named, cancellationToken);
        var authTime = claims.Time("auth_time") is { } at && at <= now ? at : now;
        return user is { Active: true } ? new Asserted(user, jti, expires + Skew, authTime, ["ext"], null) : "user unknown or not active";
    }
}
