using System.Collections.Concurrent;
using System.Security.Claims;
using System.Text.Json;
using SecureMesh.Gateway.Passport;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>Who a credential that has been checked stands for. One object for all requests that show it.</summary>
/// <param name="credential">By what the caller proved himself.</param>
/// <param name="marks">By what it can be revoked.</param>
/// <param name="until">When it ends, skew included; Unix milliseconds.</param>
/// <param name="claims">What the issuer says of the caller.</param>
/// <param name="freshUntil">Until when it is believed without asking again; a timestamp of the clock, which nobody sets.</param>
internal sealed class Caller(CredentialKind credential, TokenMarks marks, long until, JsonElement claims, long freshUntil = long.MaxValue)
{
    private const int MostExchanged = 16;
    private readonly TokenMarks _marks = marks;
    private ConcurrentDictionary<PassportProfile, ExchangedToken>? _exchanged;
    private long _revocationsSeen = -1;

    public CredentialKind Credential => credential;

    public ref readonly TokenMarks Marks => ref _marks;

    public long Until => until;

    public long FreshUntil => freshUntil;

    /// <summary>The access token that stands for him at auth when what he shows is none; null when it is one.</summary>
    public string? Token { get; private init; }

    public JsonElement Claims => claims;

    public string Subject { get; } = Text(claims, "sub") ?? "";

    public string ClientId => _marks.ClientId;

    /// <summary>For the access line.</summary>
    public ClaimsPrincipal Principal { get; } = new(new ClaimsIdentity([new Claim("client_id", marks.ClientId)], "gateway"));

    public string? UserName { get; } = Text(claims, "user_name");

    public string[] Scopes { get; } = Words(claims, "scope");

    /// <summary>The key that the credential is bound to; null for a bearer credential.</summary>
    public Confirmation? Bound { get; } = Confirmation.Of(claims);

    /// <summary>The signed identities made of it, one for each service and set of scopes.</summary>
    public PassportShelf Passports { get; } = new();

    /// <summary>What exchanges of its token brought, by service and scopes; null when there were none.</summary>
    public ConcurrentDictionary<PassportProfile, ExchangedToken>? Exchanged => _exchanged;

    public void Keep(PassportProfile profile, ExchangedToken token)
    {
        var shelf = _exchanged ?? Interlocked.CompareExchange(ref _exchanged, new(), null) ?? _exchanged!;
        if (shelf.Count >= MostExchanged) shelf.Clear(); // as many services as a caller uses at a time; what is dropped is fetched anew
        shelf[profile] = token;
    }

    /// <summary>Asks the revocations only when there were new ones since the last time.</summary>
    public bool IsRevoked(ITokenRevocations revocations)
    {
        var version = revocations.Version;
        if (Volatile.Read(ref _revocationsSeen) == version) return false;
        if (revocations.IsRevoked(in _marks)) return true;
        Volatile.Write(ref _revocationsSeen, version);
        return false;
    }

    /// <summary>A caller by the claims of an access token, verified here or vouched for by auth.</summary>
    /// <returns>Null when the claims are not those of an access token.</returns>
    public static Caller? Of(CredentialKind credential, JsonElement claims, string? keyId, TimeSpan skew, long freshUntil = long.MaxValue, string? token = null)
    {
        if (Text(claims, "sub") is null || Text(claims, "client_id") is not { } client || Seconds(claims, "exp") is not { } expires) return null;
        var marks = new TokenMarks(
            Text(claims, "zid") ?? "", Text(claims, "jti"), Text(claims, "grant_id"), Text(claims, "sid"), Text(claims, "user_id"), client, keyId, Seconds(claims, "iat") ?? 0);
        // No credential of ours lives for centuries; the number is the issuer's, and must not overflow.
        var until = Math.Min(expires, 253_402_300_799L - 3600) * 1000 + (long)skew.TotalMilliseconds;
        return new Caller(credential, marks, until, claims, freshUntil) { Token = token };
    }

    public static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public static long? Seconds(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var seconds) ? seconds : null;

    /// <summary>An array as UAA writes it, or words as RFC 9068 §2.2.3 has them.</summary>
    public static string[] Words(JsonElement claims, string name)
    {
        if (!claims.TryGetProperty(name, out var scope)) return [];
        return scope.ValueKind switch
        {
            JsonValueKind.String => scope.GetString()!.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            JsonValueKind.Array => [.. scope.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!)],
            _ => [],
        };
    }
}

/// <summary>The key that a token is bound to (RFC 7800): that of a DPoP proof or of a client certificate, by thumbprint.</summary>
/// <param name="KeyThumbprint"><c>jkt</c>, RFC 9449 §6.1.</param>
/// <param name="CertificateThumbprint"><c>x5t#S256</c>, RFC 8705 §3.1.</param>
internal sealed record Confirmation(string? KeyThumbprint, string? CertificateThumbprint)
{
    public static Confirmation? Of(JsonElement claims) =>
        !claims.TryGetProperty("cnf", out var cnf) ? null
        : cnf.ValueKind == JsonValueKind.Object ? new Confirmation(Caller.Text(cnf, "jkt"), Caller.Text(cnf, "x5t#S256"))
        : new Confirmation(null, null);
}
