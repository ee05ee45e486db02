using System.Diagnostics;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Protocol;

/// <summary>The trace of a request (W3C Trace Context), without an activity for each: those cost more than the rest of the gateway.</summary>
internal static class RequestTrace
{
    private const string Header = "X-Trace-Id";

    private const int ParentLength = 55;

    /// <summary>What the service continues: the span of this instance when somebody collects them, else the caller's own, else a new one.</summary>
    public static string Parent(HttpContext http)
    {
        if (Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } span }) return span;
        // Well-formed, or the trace would not have been read from it.
        var trace = http.TraceIdentifier;
        if (http.Request.Headers.TraceParent is [{ Length: ParentLength } own] && own.AsSpan(3, 32).SequenceEqual(trace)) return own;
        return string.Concat("00-", trace, "-", ActivitySpanId.CreateRandom().ToHexString(), "-00");
    }

    /// <summary>Tells the caller by which id an operator finds the request.</summary>
    public static void Show(HttpContext http) => http.Response.Headers[Header] = Problem.TraceId(http);

    /// <summary>Gives the log lines of what is no everyday request their trace; to be disposed when they are written.</summary>
    public static IDisposable? Begin(HttpContext http)
    {
        if (Activity.Current is not null) return null;
        var activity = new Activity("request");
        var trace = http.TraceIdentifier;
        if (trace.Length == 32) activity.SetParentId(ActivityTraceId.CreateFromString(trace), ActivitySpanId.CreateRandom());
        return activity.Start();
    }
}
