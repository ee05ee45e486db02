using System.Net;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Limits;

/// <summary>How many requests one caller's address may make on a route.</summary>
internal static partial class LimitsSlice
{
    public static void AddLimits(this WebApplicationBuilder builder) =>
        builder.Services.AddSingleton(services => new TokenBuckets(services.GetRequiredService<TimeProvider>()));

    public static void UseLimits(this WebApplication app)
    {
        var buckets = app.Services.GetRequiredService<TokenBuckets>();
        var logger = app.Services.GetRequiredService<ILogger<TokenBuckets>>();
        app.Use(next => http =>
        {
            if (http.GetEndpoint()?.Metadata.GetMetadata<Route>() is not { PerAddress: { } limit } route) return next(http);
            var wait = buckets.Take(route.Id, limit, http.Connection.RemoteIpAddress ?? IPAddress.None);
            if (wait == TimeSpan.Zero) return next(http);
            Log.Limited(logger, route.Id);
            return http.RefuseAsync(new Problem(429, "too_many_requests", "Too many requests; try again later") { RetryAfter = wait });
        });
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.Limited, LogLevel.Information, "An address exceeded the limit of route {Route}")]
        public static partial void Limited(ILogger logger, string route);
    }
}
