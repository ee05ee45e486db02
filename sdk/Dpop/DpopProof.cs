using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace SecureMesh.Sdk;

/// <summary>
/// A proof that whoever sent a request holds a key (RFC 9449 §4), for services that take tokens bound to one. It is good for one
/// request: whoever takes it remembers <see cref="KeyThumbprint"/> with <see cref="Id"/> until <see cref="GoodUntil"/>.
/// </summary>
public sealed class DpopProof
{
    private const int Longest = 16 * 1024;
    private const int LongestId = 1024;
    private static readonly TimeSpan Past = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Ahead = TimeSpan.FromSeconds(30);
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    private DpopProof(string keyThumbprint, string id, DateTimeOffset issuedAt, string? nonce) =>
        (KeyThumbprint, Id, IssuedAt, Nonce) = (keyThumbprint, id, issuedAt, nonce);

    /// <summary>The algorithms that are taken: no RS256, which FAPI 2.0 forbids.</summary>
    public static IReadOnlyList<string> Algorithms { get; } = ["ES256", "PS256"];

    /// <summary>Thumbprint of the key (RFC 7638), to be compared with <c>cnf.jkt</c> of the token.</summary>
    public string KeyThumbprint { get; }

    /// <summary>Claim <c>jti</c>.</summary>
    public string Id { get; }

    /// <summary>Claim <c>iat</c>.</summary>
    public DateTimeOffset IssuedAt { get; }

    /// <summary>Claim <c>nonce</c>; null when there is none.</summary>
    public string? Nonce { get; }

    /// <summary>After this moment it is refused for its age.</summary>
    public DateTimeOffset GoodUntil => IssuedAt + Past;

    /// <summary>Reads and verifies a proof, all but what only its taker can know: whether it was shown before, and whether the nonce is his.</summary>
    /// <param name="proof">The value of the one header <c>DPoP</c>.</param>
    /// <param name="request">What it must be a proof of.</param>
    /// <param name="now">The time; <c>iat</c> may lie 60 s back and 30 s ahead.</param>
    /// <param name="fault">Why it is not good, for the log; null when it is.</param>
    public static DpopProof? Verify(string proof, DpopRequest request, DateTimeOffset now, out string? fault)
    {
        ArgumentNullException.ThrowIfNull(proof);
        ArgumentNullException.ThrowIfNull(request);
        try
        {
            return Read(proof, request, now, out fault);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or CryptographicException or ArgumentException)
        {
            fault = "cannot be read";
            return null;
        }
    }

    private static DpopProof? Read(string proof, DpopRequest request, DateTimeOffset now, out string? fault)
    {
        // 1. A signed JWT whose header says that it is a proof, and by which key.
        if (proof.Length > Longest || !TokenHeader.IsCompact(proof)) return Refuse("not a compact signed token", out fault);
        int first = proof.IndexOf('.', StringComparison.Ordinal), last = proof.LastIndexOf('.');
        using var head = JsonDocument.Parse(Base64Url.DecodeFromChars(proof.AsSpan(0, first)), Strict);
        var header = head.RootElement;
        if (header.ValueKind != JsonValueKind.Object || Text(header, "typ") != "dpop+jwt") return Refuse("another typ", out fault);
        if (header.TryGetProperty("crit", out _) || header.TryGetProperty("b64", out _) || header.TryGetProperty("zip", out _)) return Refuse("critical header members are not understood", out fault);
        if (Text(header, "alg") is not { } algorithm || !Algorithms.Contains(algorithm, StringComparer.Ordinal)) return Refuse("another alg", out fault);
        if (!header.TryGetProperty("jwk", out var jwk)) return Refuse("no jwk", out fault);
        using var key = ProofKey.Of(jwk, algorithm, out fault);
        if (key is null) return null;
        // 2. Signed by it.
        if (!key.Verify(Encoding.ASCII.GetBytes(proof, 0, last), Base64Url.DecodeFromChars(proof.AsSpan(last + 1)))) return Refuse("bad signature", out fault);
        // 3. For this request, now.
        using var body = JsonDocument.Parse(Base64Url.DecodeFromChars(proof.AsSpan(first + 1, last - first - 1)), Strict);
        var claims = body.RootElement;
        if (claims.ValueKind != JsonValueKind.Object) return Refuse("not an object", out fault);
        if (Text(claims, "jti") is not { Length: > 0 and <= LongestId } id) return Refuse("no jti", out fault);
        if (Text(claims, "htm") != request.Method) return Refuse("another htm", out fault);
        if (Text(claims, "htu") is not { } address || !request.Addresses.Any(expected => IsSame(address, expected))) return Refuse("another htu", out fault);
        if (Time(claims, "iat") is not { } issued || issued < now - Past || issued > now + Ahead) return Refuse("iat outside the window", out fault);
        // 4. With this token.
        if (request.AccessToken is { } token && !IsHash(Text(claims, "ath"), token)) return Refuse("another ath", out fault);
        fault = null;
        return new DpopProof(key.Thumbprint, id, issued, Text(claims, "nonce"));
    }

    /// <summary>Host and scheme without regard to case, the default port left out or not; query and fragment do not count (RFC 9449 §4.3).</summary>
    private static bool IsSame(string address, string expected) =>
        Uri.TryCreate(address, UriKind.Absolute, out var shown) && shown.Scheme is "http" or "https" && shown.UserInfo.Length == 0
        && Uri.TryCreate(expected, UriKind.Absolute, out var good)
        && shown.Scheme == good.Scheme && shown.IdnHost == good.IdnHost && shown.Port == good.Port && shown.AbsolutePath == good.AbsolutePath;

    private static bool IsHash(string? ath, string token) =>
        ath is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(ath), Encoding.ASCII.GetBytes(Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(token)))));

    private static DpopProof? Refuse(string cause, out string? fault)
    {
        fault = cause;
        return null;
    }

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static DateTimeOffset? Time(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds) && seconds is >= 0 and < 253_402_300_799
            ? DateTimeOffset.FromUnixTimeMilliseconds((long)(seconds * 1000))
            : null;
}

/// <summary>A request that a proof must have been made for.</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="Addresses">The public URLs of which <c>htu</c> must be one; from configuration, never from what the request says of itself.</param>
public sealed record DpopRequest(string Method, IEnumerable<string> Addresses)
{
    /// <summary>The access token shown with the request, whose hash <c>ath</c> must be; null where a token is asked for.</summary>
    public string? AccessToken { get; init; }
}
