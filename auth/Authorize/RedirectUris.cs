using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Authorize;

/// <summary>
/// Where an answer may go (RFC 9700 §2.1): to a registered URI, compared byte for byte. A native client's loopback address may
/// have any port (RFC 8252 §7.3), never another host name, path or query.
/// </summary>
internal static class RedirectUris
{
    private const int Longest = 2048;
    private static readonly string[] Loopback = ["http://127.0.0.1", "http://[::1]"];

    // Schemes that run or show what stands behind them, in a form's action too.
    private static readonly string[] Forbidden = ["javascript", "data", "vbscript", "blob", "about", "file", "view-source", "filesystem"];

    // What the answer itself says: a client would read one of the two (V-061).
    private static readonly string[] Ours = ["code", "state", "iss", "error", "error_description", "access_token", "id_token"];

    /// <summary>The URI to answer to; left out, it is the only one that is registered.</summary>
    public static Result<string, OAuthError> Resolve(Client client, string? sent)
    {
        if (sent is null)
        {
            return client.RedirectUris is [var only] && IsUsable(only)
                ? only
                : OAuthError.InvalidRequest("redirect_uri is missing, and not exactly one is registered");
        }
        // UAA's code and text.
        return sent.Length <= Longest && IsUsable(sent) && client.RedirectUris.Any(registered => Matches(client, registered, sent))
            ? sent
            : OAuthError.InvalidGrant($"Invalid redirect {OAuthError.Printable(sent)} did not match one of the registered values");
    }

    /// <summary>The origin for a policy's <c>form-action</c>; of a scheme of an application's own, the scheme and colon.</summary>
    public static string Origin(string uri)
    {
        var scheme = uri[..uri.IndexOf(':', StringComparison.Ordinal)].ToLowerInvariant();
        if (scheme is not ("http" or "https")) return scheme + ":";
        var start = uri.IndexOf("//", StringComparison.Ordinal) + 2;
        var end = uri.AsSpan(start).IndexOfAny('/', '?');
        return end < 0 ? uri : uri[..(start + end)];
    }

    /// <summary>True when answers can be sent there: absolute, plain characters, no fragment, no wildcard, no user name, nothing that could run.</summary>
    public static bool IsUsable(string uri)
    {
        if (uri.Any(c => c is <= ' ' or > '~' or '"' or '<' or '>' or '\\' or '^' or '`' or '{' or '|' or '}' or '#' or '*')) return false;
        if (!Uri.TryCreate(uri, UriKind.Absolute, out var parsed) || parsed.UserInfo.Length > 0) return false;
        if (Forbidden.Contains(parsed.Scheme, StringComparer.Ordinal)) return false;
        if (parsed.Scheme is "http" or "https" && (parsed.Host.Length == 0 || !uri.AsSpan(parsed.Scheme.Length).StartsWith("://"))) return false;
        if (Origin(uri).AsSpan().ContainsAny(';', ',', '\'')) return false; // It stands in a policy.
        var query = uri.IndexOf('?', StringComparison.Ordinal);
        return query < 0 || !uri[(query + 1)..].Split('&').Any(part => FormBody.Decode(part.Split('=')[0]) is not { } name || Ours.Contains(name, StringComparer.Ordinal));
    }

    private static bool Matches(Client client, string registered, string sent) =>
        string.Equals(registered, sent, StringComparison.Ordinal)
        || (client.Metadata.ApplicationType == "native" && Loopback.Any(host => AfterPort(registered, host) is { } rest && AfterPort(sent, host) == rest));

    // What follows host and port; null when the URI is not of this host or its port is none.
    private static string? AfterPort(string uri, string host)
    {
        if (!uri.StartsWith(host, StringComparison.Ordinal)) return null;
        var rest = uri[host.Length..];
        if (rest.StartsWith(':'))
        {
            var digits = rest.Skip(1).TakeWhile(char.IsAsciiDigit).Count();
            if (digits is 0 or > 5 || rest[1] == '0' || int.Parse(rest.AsSpan(1, digits), System.Globalization.CultureInfo.InvariantCulture) > 65535) return null;
            rest = rest[(digits + 1)..];
        }
        return rest.Length == 0 || rest[0] is '/' or '?' ? rest : null;
    }
}
