using System.Buffers;
using SecureMesh.Gateway.Metadata;

namespace SecureMesh.Gateway.Routes;

/// <summary>The pattern of a route: literal segments, <c>{name}</c>, and at the end <c>{**name}</c>, or <c>**</c> for <c>{**rest}</c>.</summary>
/// <remarks>
/// A small part of the framework's patterns on purpose: two patterns of this grammar either differ in precedence or are
/// equal but for parameter names, so an ambiguity is found here and not by a request.
/// </remarks>
internal static class RoutePath
{
    private static readonly SearchValues<char> _literal =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@:");

    private static readonly SearchValues<char> _name =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

    /// <summary>What <c>**</c> at the end stands for, as prefixes are written in documents and in Spring's patterns.</summary>
    private const string Rest = "{**rest}";

    /// <summary>Paths that the gateway answers itself.</summary>
    private static readonly string[] _own = ["healthz", "actuator"];

    /// <summary>What is wrong with the pattern; null when nothing is.</summary>
    public static string? Fault(string path)
    {
        if (!path.StartsWith('/')) return $"must begin with '/', not '{path}'";
        var segments = Segments(path);
        if (segments.Length > 0 && _own.Contains(segments[0], StringComparer.OrdinalIgnoreCase)) return $"'/{segments[0]}' is answered by the gateway itself";
        if (path.StartsWith(ResourceMetadata.Path, StringComparison.OrdinalIgnoreCase)) return $"'{ResourceMetadata.Path}' is answered by the gateway itself";
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < segments.Length; i++)
        {
            var fault = Fault(segments[i], i == segments.Length - 1, names);
            if (fault is not null) return $"'{path}': {fault}";
        }
        return null;
    }

    /// <summary>A pattern without fault as the framework reads it, so that all who look at a route see one spelling.</summary>
    public static string Pattern(string path) => Segments(path) is [.., "**"] ? path.TrimEnd('/')[..^2] + Rest : path;

    /// <summary>Equal for patterns that match the same paths; matching ignores case and a final slash.</summary>
    public static string Normal(string path) => string.Join('/', Segments(path).Select(segment =>
        segment.StartsWith("{**", StringComparison.Ordinal) ? "{**}" : segment.StartsWith('{') ? "{}" : segment.ToLowerInvariant()));

    private static string? Fault(string segment, bool last, HashSet<string> names)
    {
        if (segment.Length == 0) return "an empty segment";
        if (segment == "**" && last) segment = Rest;
        if (!segment.StartsWith('{'))
        {
            if (segment.Contains('*')) return $"'{segment}' is no segment of a path: {{name}} matches one segment, and {Rest} or ** at the end all that follow";
            return segment is "." or ".." || segment.AsSpan().ContainsAnyExcept(_literal) ? $"'{segment}' is no segment of a path" : null;
        }
        var rest = segment.StartsWith("{**", StringComparison.Ordinal);
        var name = segment.EndsWith('}') ? segment[(rest ? 3 : 1)..^1] : "";
        if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(_name)) return $"'{segment}' is neither {{name}} nor {{**name}}";
        if (rest && !last) return $"'{segment}' must stand at the end";
        return names.Add(name) ? null : $"the name in '{segment}' stands there twice";
    }

    private static string[] Segments(string path)
    {
        var inner = path.Length > 1 && path.EndsWith('/') ? path[1..^1] : path[1..];
        return inner.Length == 0 ? [] : inner.Split('/');
    }
}
