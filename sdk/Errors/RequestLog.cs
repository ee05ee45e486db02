using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Gives every request a trace id, says it in the answer's header <c>X-Trace-Id</c>, and writes one line when the request is over.</summary>
internal sealed partial class RequestLog(ILogger<RequestLog> logger, IOptions<MeshOptions> options, ServiceRefusals refusals, TimeProvider time) : IDisposable
{
    private const int LongestPath = 512;
    private const string Header = "X-Trace-Id";
    private readonly bool _traced = options.Value.TraceEveryRequest;
    private readonly LogBudget _successes = new(options.Value.LoggedSuccessesPerSecond, count => Log.LeftOut(logger, count));

    public Task InvokeAsync(HttpContext http, RequestDelegate next) => _traced || Activity.Current is not null ? InvokeTracedAsync(http, next) : InvokeLightlyAsync(http, next);

    public void Dispose() => _successes.Dispose();

    private async Task InvokeTracedAsync(HttpContext http, RequestDelegate next)
    {
        using var own = Activity.Current is null ? new Activity("request").Start() : null;
        var trace = Problem.TraceId(http);
        http.Response.OnStarting(static state =>
        {
            var (response, trace) = ((HttpResponse, string))state;
            response.Headers[Header] = trace; // not added: a proxied answer already carries one
            return Task.CompletedTask;
        }, (http.Response, trace));
        var start = time.GetTimestamp();
        var span = Activity.Current;
        await next(http);
        RequestSpan.Describe(span, http);
        Write(http, start, trace);
    }

    /// <summary>Without an activity: whoever answers keeps the header that stands there from the beginning.</summary>
    private async Task InvokeLightlyAsync(HttpContext http, RequestDelegate next)
    {
        var trace = IncomingTrace(http.Request.Headers.TraceParent) ?? ActivityTraceId.CreateRandom().ToHexString();
        http.TraceIdentifier = trace;
        http.Response.Headers[Header] = trace;
        var start = time.GetTimestamp();
        await next(http);
        Write(http, start, trace);
    }

    /// <summary>The trace id of a well-formed header (W3C Trace Context §3.2.2); null when there is none.</summary>
    private static string? IncomingTrace(Microsoft.Extensions.Primitives.StringValues parent) =>
        parent.Count == 1 && ActivityContext.TryParse(parent[0], null, out var context) ? context.TraceId.ToHexString() : null;

    private void Write(HttpContext http, long start, string trace)
    {
        // Probes ask every second and say nothing as long as all is well.
        if (HealthEndpoint.IsAskedBy(http) && http.Response.StatusCode == StatusCodes.Status200OK) return;
        if (Explanations.Explains(http.Response.StatusCode)) refusals.Answered(http);
        if (logger.IsEnabled(LogLevel.Information) && (http.Response.StatusCode >= StatusCodes.Status400BadRequest || _successes.TryTake()))
        {
            var elapsed = Math.Round(time.GetElapsedTime(start).TotalMilliseconds, 1);
            Log.Answered(logger, http.Request.Method, PathOf(http.Request), http.Response.StatusCode, elapsed, http.User.ClientId() ?? "-", trace);
        }
    }

    /// <summary>Percent-encoded, so that no path can write control characters into a log; without the query, which may hold secrets.</summary>
    private static string PathOf(HttpRequest request)
    {
        var path = request.PathBase.Add(request.Path).ToUriComponent();
        return path.Length <= LongestPath ? path : path[..LongestPath] + "...";
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.Answered, LogLevel.Information, "{Method} {Path} {Status} in {Milliseconds} ms, client {Client}, trace {Trace}")]
        public static partial void Answered(ILogger logger, string method, string path, int status, double milliseconds, string client, string trace);

        [LoggerMessage(EventIds.AnsweredMore, LogLevel.Information, "{Count} more requests succeeded in the last second (mesh:loggedSuccessesPerSecond)")]
        public static partial void LeftOut(ILogger logger, long count);
    }
}
