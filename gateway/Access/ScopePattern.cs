namespace SecureMesh.Gateway.Access;

/// <summary>A scope, or several by UAA's wildcard: <c>*</c> stands for one run without dots, with regard to case.</summary>
internal static class ScopePattern
{
    public static bool Matches(string pattern, string scope) =>
        pattern.Contains('*', StringComparison.Ordinal) ? MatchesParts(pattern, scope) : string.Equals(pattern, scope, StringComparison.Ordinal);

    /// <summary>The dots of both must be at the same places, and within each part the stars take what is left.</summary>
    private static bool MatchesParts(string pattern, string scope)
    {
        var parts = pattern.Split('.');
        var words = scope.Split('.');
        if (parts.Length != words.Length) return false;
        for (var i = 0; i < parts.Length; i++)
        {
            if (!System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(Escaped(parts[i]), words[i], ignoreCase: false)) return false;
            if (parts[i].Contains('*', StringComparison.Ordinal) && words[i].Length == 0) return false;
        }
        return true;
    }

    /// <summary>Only the star is special.</summary>
    private static string Escaped(string part) => part.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("?", "\\?", StringComparison.Ordinal);
}
