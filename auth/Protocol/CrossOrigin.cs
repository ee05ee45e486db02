using Microsoft.Net.Http.Headers;

namespace SecureMesh.Auth.Protocol;

/// <summary>The origins of pages that may call, from the registrations of public clients.</summary>
internal interface IAllowedOrigins
{
    ValueTask<bool> IsAllowedAsync(string origin, CancellationToken cancellationToken);
}

/// <summary>Marks an endpoint that pages of registered origins may call .</summary>
internal sealed class CrossOriginCalls;

/// <summary>
/// Lets scripts of registered origins read an answer (Fetch standard, CORS). Never with credentials of the browser: whoever calls
/// shows what it has in the request itself.
/// </summary>
internal static class CrossOrigin
{
    public static IEndpointConventionBuilder AllowRegisteredOrigins(this IEndpointConventionBuilder endpoint) => endpoint.WithMetadata(new CrossOriginCalls());

    /// <summary>Sets what the browser asks for.</summary>
    /// <returns>True when the request was a preflight and is answered.</returns>
    public static async ValueTask<bool> HandleAsync(HttpContext http, string allow)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<CrossOriginCalls>() is null) return false;
        var (request, response) = (http.Request, http.Response);
        response.Headers.Append(HeaderNames.Vary, HeaderNames.Origin);
        if (request.Headers.Origin is not [{ Length: > 0 } origin]) return false;
        var preflight = HttpMethods.IsOptions(request.Method) && request.Headers.ContainsKey(HeaderNames.AccessControlRequestMethod);
        if (await http.RequestServices.GetRequiredService<IAllowedOrigins>().IsAllowedAsync(origin, http.RequestAborted))
        {
            response.Headers.AccessControlAllowOrigin = origin;
            response.Headers.AccessControlExposeHeaders = "WWW-Authenticate, X-Trace-Id";
            if (preflight)
            {
                response.Headers.AccessControlAllowMethods = allow;
                response.Headers.AccessControlAllowHeaders = "Authorization, Content-Type, DPoP, Accept";
                response.Headers.AccessControlMaxAge = "600";
            }
        }
        if (preflight) response.StatusCode = StatusCodes.Status204NoContent;
        return preflight;
    }
}
