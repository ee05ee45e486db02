using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace SecureMesh.Sdk;

/// <summary>Text of others, fit to be kept: short, and without anything that moves a cursor or ends a line.</summary>
public static class PlainWords
{
    private const int Longest = 160;
    private const int LongestPath = 512;
    private const int MostNames = 16;
    private const int LongestName = 40;

    /// <summary>The text, at most so long, control characters as <c>?</c>.</summary>
    /// <param name="text">Anybody's.</param>
    /// <param name="longest">Characters that are kept.</param>
    public static string Of(string text, int longest = Longest)
    {
        ArgumentNullException.ThrowIfNull(text);
        var all = text.Length <= longest ? text : text[..longest] + "...";
        return all.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0
            ? all
            : string.Create(all.Length, all, static (span, from) =>
            {
                for (var i = 0; i < span.Length; i++) span[i] = char.IsControl(from[i]) || char.IsSurrogate(from[i]) || char.GetUnicodeCategory(from[i]) == UnicodeCategory.Format ? '?' : from[i];
            });
    }

    /// <summary>The path of a request as it came, and the names of its query's members; never a value, which may be a secret.</summary>
    /// <param name="request">A request.</param>
    public static string PathOf(HttpRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var target = request.HttpContext.Features.Get<IHttpRequestFeature>()?.RawTarget is { Length: > 0 } raw ? raw : request.PathBase.Add(request.Path).ToUriComponent() + request.QueryString;
        var mark = target.IndexOf('?', StringComparison.Ordinal);
        var path = Encoded(mark < 0 ? target : target[..mark]);
        return mark < 0 ? path : path + "?" + Names(target[(mark + 1)..]);
    }

    private static string Encoded(string path)
    {
        // An absolute form may hold a password before the host (RFC 9110 §4.2.4).
        if (!path.StartsWith('/')) return "(no path)";
        var text = new StringBuilder(Math.Min(path.Length, LongestPath));
        foreach (var character in path)
        {
            if (text.Length >= LongestPath) return text.Append("...").ToString();
            if (character is > ' ' and <= '~') text.Append(character);
            else
            {
                foreach (var part in Encoding.UTF8.GetBytes([character])) text.Append('%').Append(part.ToString("X2", CultureInfo.InvariantCulture));
            }
        }
        return text.ToString();
    }

    /// <summary>A member without a value may be a value without a name.</summary>
    private static string Names(string query)
    {
        var names = query.Split('&', MostNames + 1).Select(pair => pair.IndexOf('=', StringComparison.Ordinal) is > 0 and <= LongestName and var end && IsName(pair.AsSpan(0, end)) ? pair[..end] + "=..." : "...").ToArray();
        return string.Join('&', names.Length > MostNames ? [.. names[..MostNames], "..."] : names);
    }

    private static bool IsName(ReadOnlySpan<char> name)
    {
        foreach (var character in name)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('_' or '-' or '.' or '[' or ']')) return false;
        }
        return true;
    }
}
