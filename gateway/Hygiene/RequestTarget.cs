using System.Buffers;
using System.Text.Unicode;

namespace SecureMesh.Gateway.Hygiene;

/// <summary>Refuses request targets that two readers could take for different paths, so that the path which the policy saw is the path that is sent.</summary>
internal static class RequestTarget
{
    private static readonly SearchValues<char> _plain =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~/@:!$&'()*+,=");

    /// <summary>What is wrong with the target as it came over the wire; null when nothing is.</summary>
    public static string? Fault(string target)
    {
        if (target.Length == 0 || target[0] != '/') return "The request target must be a path";
        var mark = target.IndexOf('?', StringComparison.Ordinal);
        var path = mark < 0 ? target.AsSpan() : target.AsSpan(0, mark);
        return FaultOfPath(path) ?? (mark < 0 ? null : FaultOfQuery(target.AsSpan(mark + 1)));
    }

    private static string? FaultOfPath(ReadOnlySpan<char> path)
    {
        if (path.Contains("//", StringComparison.Ordinal)) return "The path holds an empty segment";
        if (!path.ContainsAnyExcept(_plain)) return null;
        if (path.Contains("/./", StringComparison.Ordinal) || path.Contains("/../", StringComparison.Ordinal)
            || path.EndsWith("/.", StringComparison.Ordinal) || path.EndsWith("/..", StringComparison.Ordinal)) return "The path holds a dot segment";
        var bytes = new byte[path.Length];
        var length = 0;
        for (var i = 0; i < path.Length; i++)
        {
            var c = path[i];
            if (c == '%')
            {
                if (!TryHex(path, i, out var value)) return "The path holds a broken escape";
                if (value < 0x20 || value is 0x7f or (byte)'/' or (byte)'\\' or (byte)'.' or (byte)'%' or (byte)';') return "The path holds an escape that is not accepted here";
                bytes[length++] = value;
                i += 2;
            }
            else if (c is <= ' ' or >= '\x7f' or '\\' or ';' or '#') return "The path holds a character that is not accepted here";
            else bytes[length++] = (byte)c;
        }
        if (!Utf8.IsValid(bytes.AsSpan(0, length))) return "The path is not UTF-8";
        return HasPaddedDots(bytes.AsSpan(0, length)) ? "The path holds a dot segment" : null;
    }

    /// <summary>Whether a segment becomes a dot segment once a reader cuts off the spaces around it, as file systems do.</summary>
    private static bool HasPaddedDots(ReadOnlySpan<byte> path)
    {
        foreach (var segment in path.Split((byte)'/'))
        {
            if (path[segment].Trim((byte)' ') is [(byte)'.'] or [(byte)'.', (byte)'.']) return true;
        }
        return false;
    }

    private static string? FaultOfQuery(ReadOnlySpan<char> query)
    {
        for (var i = 0; i < query.Length; i++)
        {
            var c = query[i];
            if (c is <= ' ' or >= '\x7f' or '#') return "The query holds a character that is not accepted here";
            if (c == '%' && !TryHex(query, i, out _)) return "The query holds a broken escape";
        }
        return null;
    }

    private static bool TryHex(ReadOnlySpan<char> text, int percent, out byte value)
    {
        value = 0;
        if (percent + 2 >= text.Length || !char.IsAsciiHexDigit(text[percent + 1]) || !char.IsAsciiHexDigit(text[percent + 2])) return false;
        value = Convert.FromHexString(text.Slice(percent + 1, 2))[0];
        return true;
    }
}
