using System.Text.RegularExpressions;

namespace SecureMesh.Cli.Calls;

/// <summary>The Bearer challenge of a refusal (RFC 6750 §3): which error, and which scopes would do.</summary>
internal sealed partial record Challenge(string? Error, string? Description, IReadOnlyList<string> Scopes)
{
    public static Challenge? Of(HttpResponseMessage response)
    {
        foreach (var header in response.Headers.WwwAuthenticate)
        {
            if (!string.Equals(header.Scheme, "Bearer", StringComparison.OrdinalIgnoreCase)) continue;
            var parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            foreach (Match match in Parameter().Matches(header.Parameter ?? ""))
                parameters.TryAdd(match.Groups[1].Value, match.Groups[2].Success ? match.Groups[2].Value.Replace("\\", "", StringComparison.Ordinal) : match.Groups[3].Value);
            return new Challenge(
                parameters.GetValueOrDefault("error"), parameters.GetValueOrDefault("error_description"),
                parameters.GetValueOrDefault("scope")?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? []);
        }

        return null;
    }

    [GeneratedRegex("""([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))""", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Parameter();
}
