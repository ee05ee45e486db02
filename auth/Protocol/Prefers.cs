using Microsoft.Net.Http.Headers;

namespace SecureMesh.Auth.Protocol;

/// <summary>Who asks: a person at a browser, or a program. Most programs say nothing or <c>*/*</c>, which means JSON (uaa.md §0.1).</summary>
internal static class Prefers
{
    public static bool Html(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted)) return false;
        var html = Quality(accepted, "text/html");
        return html > 0 && html > Quality(accepted, "application/json");
    }

    /// <summary>A program that says so: a redirect to a page would tell it nothing.</summary>
    public static bool Json(HttpRequest request) =>
        MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted) && Quality(accepted, "application/json") > 0 && !Html(request);

    private static double Quality(IList<MediaTypeHeaderValue> accepted, string type) =>
        accepted.Where(value => value.MediaType.Equals(type, StringComparison.OrdinalIgnoreCase)).Select(value => value.Quality ?? 1).DefaultIfEmpty(0).Max();
}
