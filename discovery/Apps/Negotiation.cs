using Microsoft.Net.Http.Headers;

namespace SecureMesh.Discovery.Apps;

/// <summary>Which form an answer takes.</summary>
internal static class Negotiation
{
    /// <summary>Lists: JSON when <c>Accept</c> contains the word, else XML, also for <c>*/*</c> (ApplicationsResource).</summary>
    public static bool ListAsJson(HttpRequest request) =>
        request.Headers.Accept.ToString().Contains("json", StringComparison.OrdinalIgnoreCase);

    /// <summary>Single instances: ordinary negotiation, XML first.</summary>
    public static bool OneAsJson(HttpRequest request)
    {
        var (json, xml) = (0d, 0d);
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var types)) return false;
        foreach (var type in types)
        {
            var quality = type.Quality ?? 1;
            if (type.MediaType.Equals(Answer.Json, StringComparison.OrdinalIgnoreCase)) json = Math.Max(json, quality);
            else if (type.MediaType.Equals(Answer.Xml, StringComparison.OrdinalIgnoreCase)) xml = Math.Max(xml, quality);
            else if (type.MatchesAllTypes) xml = Math.Max(xml, quality);
        }
        return json > xml;
    }

    public static bool Gzip(HttpRequest request) =>
        StringWithQualityHeaderValue.TryParseList(request.Headers.AcceptEncoding, out var encodings)
        && encodings.Any(encoding => encoding.Value.Equals("gzip", StringComparison.OrdinalIgnoreCase) && encoding.Quality is not 0);
}
