using System.Text.RegularExpressions;

namespace SecureMesh.Config.Environments;

/// <summary>
/// The one check of names that a request brings: application, profile, label and path, on every endpoint. Each published
/// hole of the reference server (CVE-2019-3799, 2020-5405, 2020-5410, 2026-22739, 2026-40982) was an input that one
/// endpoint checked and another did not, or that was checked before the last decoding.
/// </summary>
internal static partial class Names
{
    private const int LongestName = 256;
    private const int LongestPath = 1024;
    private const int LongestTarget = 4096;
    private const int MostEntries = 32;

    // First segments that are, or will be, endpoints of their own.
    private static readonly string[] Reserved = ["actuator", "monitor", "encrypt", "decrypt", "key"];

    /// <summary>Looks at the request line before anything normalised it: the server folds dot segments away silently.</summary>
    public static ConfigError? CheckTarget(string? rawTarget)
    {
        var target = rawTarget ?? "";
        var query = target.IndexOf('?', StringComparison.Ordinal);
        if (query >= 0) target = target[..query];
        if (target.Length > LongestTarget) return ConfigError.Invalid("the path is too long");
        for (var decoded = 0; decoded < 4; decoded++)
        {
            if (target.Contains("..", StringComparison.Ordinal)) return ConfigError.Invalid("'..' is not allowed");
            target = Uri.UnescapeDataString(target);
        }
        return null;
    }

    public static Result<IReadOnlyList<string>> Applications(string raw)
    {
        var names = Entries(raw, "application", ApplicationPattern());
        if (names.IsSuccess && names.Value.Any(name => Reserved.Contains(name.Split('/')[0]))) return new ConfigError(404);
        return names;
    }

    public static Result<IReadOnlyList<string>> Profiles(string raw) => Entries(raw, "profile", ProfilePattern());

    public static Result<IReadOnlyList<string>> Labels(string raw) => Entries(raw, "label", LabelPattern());

    /// <summary>A path of a file below the repository, with single slashes and none at its ends.</summary>
    public static Result<string> FilePath(string raw)
    {
        var path = Decoded(raw, "path");
        if (!path.IsSuccess) return path.Error;
        var parts = path.Value.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (path.Value.Length > LongestPath || parts.Length == 0 || parts.Any(part => !PathPartPattern().IsMatch(part) || part == "."))
            return ConfigError.Invalid("malformed path");
        if (parts.Any(part => part.Equals("WEB-INF", StringComparison.OrdinalIgnoreCase) || part.Equals("META-INF", StringComparison.OrdinalIgnoreCase)))
            return ConfigError.NoSuchFile;
        return string.Join('/', parts);
    }

    private static Result<IReadOnlyList<string>> Entries(string raw, string what, Regex pattern)
    {
        var decoded = Decoded(raw, what);
        if (!decoded.IsSuccess) return decoded.Error;
        var entries = decoded.Value.Split(',');
        if (entries.Length > MostEntries) return ConfigError.Invalid($"more than {MostEntries} {what}s");
        if (entries.Any(entry => entry.Length > LongestName || !pattern.IsMatch(entry))) return ConfigError.Invalid("malformed " + what);
        return entries;
    }

    // The server decoded once but left %2F; what it left is decoded once more, and nothing may be left then.
    private static Result<string> Decoded(string raw, string what)
    {
        var value = raw.Contains('%', StringComparison.Ordinal) ? Uri.UnescapeDataString(raw) : raw;
        if (value.Contains('%', StringComparison.Ordinal) || value.Contains("..", StringComparison.Ordinal) || value.StartsWith("(_)", StringComparison.Ordinal) || value.Any(char.IsControl))
            return ConfigError.Invalid("malformed " + what);
        value = value.Replace("(_)", "/", StringComparison.Ordinal); // as clients write a slash inside a segment
        return value.Contains("..", StringComparison.Ordinal) ? ConfigError.Invalid("malformed " + what) : value;
    }

    [GeneratedRegex(@"^[\p{L}\p{Nd}_][\p{L}\p{Nd}_.+@-]*(?:/[\p{L}\p{Nd}_][\p{L}\p{Nd}_.+@-]*)*\z")]
    private static partial Regex ApplicationPattern();

    [GeneratedRegex(@"^[\p{L}\p{Nd}](?:[\p{L}\p{Nd}_.+@-]*[\p{L}\p{Nd}])?\z")]
    private static partial Regex ProfilePattern();

    // No leading '-', which a command would take for an option.
    [GeneratedRegex(@"^[\p{L}\p{Nd}_][\p{L}\p{Nd}_.+@=-]*(?:/[\p{L}\p{Nd}_][\p{L}\p{Nd}_.+@=-]*)*\z")]
    private static partial Regex LabelPattern();

    [GeneratedRegex(@"^[\p{L}\p{Nd}_.+@=~(), -]+\z")]
    private static partial Regex PathPartPattern();
}
