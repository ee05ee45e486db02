using System.Globalization;
using SecureMesh.Sdk;

namespace SecureMesh.Discovery.Access;

/// <summary>
/// Errors in the registry's dialect have no body: Spring's client reads the body of any error but 404 as an instance and
/// fails over every other one. Clients send Basic, so that is what a 401 asks for.
/// </summary>
internal sealed class EmptyErrors : IErrorDialect
{
    public Task WriteAsync(HttpContext http, Problem problem)
    {
        var response = http.Response;
        response.StatusCode = problem.Status;
        response.Headers.CacheControl = "no-store";
        if (problem.Status == StatusCodes.Status401Unauthorized) response.Headers.WWWAuthenticate = "Basic realm=\"eureka\"";
        else if (problem.Challenge is not null) response.Headers.WWWAuthenticate = problem.Challenge;
        if (problem.RetryAfter is { } wait) response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        response.ContentLength = 0;
        return Task.CompletedTask;
    }
}
