using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>JSON lines on standard output, each with the trace it belongs to.</summary>
internal static class LogsSlice
{
    /// <summary>Below everything an operator sets: what the framework says about each request is in the SDK's own access line.</summary>
    private static readonly Dictionary<string, string?> Defaults = new()
    {
        ["Logging:LogLevel:Default"] = "Information",
        ["Logging:LogLevel:Microsoft.AspNetCore"] = "Warning",
        ["Logging:LogLevel:Microsoft.Extensions"] = "Warning",
        ["Logging:LogLevel:System.Net.Http"] = "Warning",
        ["Logging:LogLevel:Polly"] = "Warning",
        ["Logging:LogLevel:Yarp"] = "Warning",
        // Who writes would wait for who reads: a reader that stands still, or is slower than a flood of refusals, would stop the service.
        ["Logging:Console:QueueFullMode"] = "DropWrite",
        ["Logging:Console:MaxQueueLength"] = "8192",
    };

    public static void AddLogs(this WebApplicationBuilder builder)
    {
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = Defaults });
        builder.Services.Configure<LoggerFactoryOptions>(options =>
            options.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId);
        builder.Logging.ClearProviders().AddJsonLines();
    }

    /// <summary>The form of every line, also of those written before the host exists.</summary>
    public static ILoggingBuilder AddJsonLines(this ILoggingBuilder logging) => logging.AddJsonConsole(options =>
    {
        options.UseUtcTimestamp = true;
        options.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
        options.IncludeScopes = true;
    });
}
