using System.Globalization;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Cors;

/// <summary>
/// Answers browsers that ask for a page of another origin, by the route's policy alone: what a service says about it is
/// dropped, so that one policy decides and not the looser of two.
/// </summary>
internal static class CrossOrigin
{
    private static readonly Problem _refused = new(403, "access_denied", "Pages of this origin may not send this request");

    /// <summary>A question that no route has a policy for goes on as the plain OPTIONS request that it is.</summary>
    public static bool IsPreflight(HttpRequest request) =>
        HttpMethods.IsOptions(request.Method) && request.Headers.Origin.Count > 0 && request.Headers.AccessControlRequestMethod.Count > 0;

    /// <summary>Sees to it that the answer, whoever writes it, says what the policy grants the page.</summary>
    /// <returns>True when the request was a preflight and has been answered: it has no credential to check.</returns>
    public static async Task<bool> AnswersAsync(HttpContext http, CorsPolicy policy)
    {
        var origin = http.Request.Headers.Origin;
        // One origin, or none that could be allowed.
        var allowed = origin is [{ } only] ? policy.Allow(only) : null;
        http.Response.OnStarting(static state =>
        {
            var (response, policy, allowed) = ((HttpResponse, CorsPolicy, string?))state;
            Write(response.Headers, policy, allowed);
            return Task.CompletedTask;
        }, (http.Response, policy, allowed));
        if (!IsPreflight(http.Request)) return false;
        await PreflightAsync(http, policy, allowed);
        return true;
    }

    private static Task PreflightAsync(HttpContext http, CorsPolicy policy, string? allowed)
    {
        var asked = http.Request.Headers;
        var named = asked.GetCommaSeparatedValues("Access-Control-Request-Headers");
        if (allowed is null || !policy.Takes(asked.AccessControlRequestMethod.ToString(), named)) return http.RefuseAsync(_refused);
        var headers = http.Response.Headers;
        headers.AccessControlAllowMethods = string.Join(", ", policy.Methods);
        headers.AccessControlAllowHeaders = string.Join(", ", policy.AllHeaders);
        headers.AccessControlMaxAge = ((long)policy.MaxAge.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static void Write(IHeaderDictionary headers, CorsPolicy policy, string? allowed)
    {
        // A cache must not show one origin's answer to another, nor one without an origin to either.
        if (!policy.Origins.Contains(CorsPolicy.Any)) headers.Append("Vary", "Origin");
        if (allowed is null) return; // what a service said of other origins has not been copied
        headers.AccessControlAllowOrigin = allowed;
        if (policy.Credentials) headers.AccessControlAllowCredentials = "true";
        if (policy.Exposed.Count > 0) headers.AccessControlExposeHeaders = string.Join(", ", policy.Exposed);
    }
}
