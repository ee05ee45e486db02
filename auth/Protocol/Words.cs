using System.Buffers;

namespace SecureMesh.Auth.Protocol;

/// <summary>Lists as OAuth writes them: separated by single spaces, compared byte for byte (RFC 6749 §3.3).</summary>
internal static class Words
{
    private static readonly SearchValues<char> ScopeCharacters =
        SearchValues.Create([.. Enumerable.Range(' ' + 1, '~' - ' ').Select(c => (char)c).Where(c => c is not ('"' or '\\'))]);

    public static string[] Split(string? list) => list is null ? [] : list.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public static string Join(IEnumerable<string> words) => string.Join(' ', words);

    /// <summary>True when the text is one scope token: printable ASCII without space, quote and backslash.</summary>
    public static bool IsScope(string word) => word.Length is > 0 and <= 256 && !word.AsSpan().ContainsAnyExcept(ScopeCharacters);
}
