using System.Security.Cryptography;
using System.Text;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Sessions;

/// <summary>
/// A secret that one browser holds, in a cookie that no page of a parent domain and no plain connection can plant: the
/// prefix <c>__Host-</c> demands Secure, Path=/ and no Domain.
/// </summary>
internal sealed class BrowserCookie(string name)
{
    private readonly string _name = "__Host-" + name;

    /// <summary>The secret; null when there is none, when it is no secret of ours, and when the name comes twice (V-108): one of the two was planted.</summary>
    public string? Read(HttpRequest request)
    {
        // Read by hand, byte for byte: the framework's reader takes the last of several.
        string? found = null;
        foreach (var header in request.Headers.Cookie)
            foreach (var part in (header ?? "").Split(';', StringSplitOptions.TrimEntries))
            {
                var equals = part.IndexOf('=', StringComparison.Ordinal);
                if (equals < 0 || !part.AsSpan(0, equals).TrimEnd().SequenceEqual(_name)) continue;
                if (found is not null) return null;
                found = part[(equals + 1)..].Trim();
            }
        return found is { Length: 43 } && found.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') ? found : null;
    }

    /// <summary>Gives the browser a fresh secret.</summary>
    public string Set(HttpResponse response)
    {
        var secret = Entropy.Token();
        response.Cookies.Append(_name, secret, Options);
        return secret;
    }

    public void Delete(HttpResponse response) => response.Cookies.Delete(_name, Options);

    public static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(secret)));

    /// <summary>True when both are the hash of one secret .</summary>
    public static bool AreSame(string hash, string shown) => CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(hash), Encoding.ASCII.GetBytes(shown));

    // Browsers and curl take Secure cookies from http://localhost, where the demo is.
    private static CookieOptions Options => new() { HttpOnly = true, Secure = true, SameSite = SameSiteMode.Lax, Path = "/", IsEssential = true };
}
