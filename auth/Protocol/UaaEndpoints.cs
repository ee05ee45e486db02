using System.Data.Common;
using Microsoft.AspNetCore.Routing.Patterns;

namespace SecureMesh.Auth.Protocol;

/// <summary>A handler of one path below <c>/uaa</c>: an answer or a refusal, both values.</summary>
internal delegate Task<IResult> UaaHandler(HttpContext http, CancellationToken cancellationToken);

/// <summary>Routes below <c>/uaa</c>: every one judges its caller itself, answers JSON, and is matched with regard to case.</summary>
internal static partial class UaaEndpoints
{
    /// <summary>Maps one path and the methods it knows; any other method is 405 with <c>Allow</c>.</summary>
    public static IEndpointConventionBuilder MapUaa(this IEndpointRouteBuilder routes, string pattern, params (string Method, UaaHandler Handle)[] methods)
    {
        var allow = string.Join(", ", methods.Select(method => method.Method == "GET" ? "GET, HEAD" : method.Method));
        // Public as far as the framework is concerned: callers are clients (Basic, form) or tokens, told apart by the
        // handler, whose refusals have UAA's shape. Nothing of the pipeline behind the router has a say here, so it is left out.
        return routes.Map(pattern, http => AnswerAsync(http, methods, allow)).AllowAnonymous().ShortCircuit()
            .WithMetadata(new CaseSensitivePath(RoutePatternFactory.Parse(pattern)));
    }

    private static async Task AnswerAsync(HttpContext http, (string Method, UaaHandler Handle)[] methods, string allow)
    {
        try
        {
            if (await CrossOrigin.HandleAsync(http, allow)) return;
            await AskAsync(http, methods, allow);
        }
        catch (DbException e) when (!http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
        {
            Log.StoreUnavailable(http.RequestServices.GetRequiredService<ILogger<UaaHandler>>(), e);
            var error = new OAuthError(503, "uaa_unavailable", "The service cannot reach its database. Try again shortly.");
            await (error with { RetryAfter = TimeSpan.FromSeconds(2) }).ExecuteAsync(http);
        }
    }

    private static async Task AskAsync(HttpContext http, (string Method, UaaHandler Handle)[] methods, string allow)
    {
        var asked = HttpMethods.IsHead(http.Request.Method) ? "GET" : http.Request.Method;
        var handle = methods.FirstOrDefault(method => method.Method == asked).Handle;
        if (handle is null)
        {
            await OAuthError.MethodNotAllowed(http.Request.Method, allow).ExecuteAsync(http);
            return;
        }
        var result = await handle(http, http.RequestAborted);
        await result.ExecuteAsync(http);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.StoreUnavailable, LogLevel.Error, "The database failed")]
        public static partial void StoreUnavailable(ILogger logger, Exception exception);
    }
}
