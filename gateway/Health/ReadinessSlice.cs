using Microsoft.Extensions.Diagnostics.HealthChecks;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Passport;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Health;

/// <summary><c>/healthz</c>: 200 once the whole mesh can serve.</summary>
internal static class ReadinessSlice
{
    public static void AddReadiness(this WebApplicationBuilder builder) =>
        // It is asked until it answers; each no would be an error in the log.
        builder.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);

    public static void MapReadiness(this IEndpointRouteBuilder app) => app.MapGet("/healthz", AnswerAsync).AllowAnonymous();

    /// <summary>The mesh itself. Other services come and go by their own authors' hands, and each answers 503 by itself while it is not there.</summary>
    private static readonly string[] _own = ["auth-service", "account-service"];

    private static async Task AnswerAsync(HttpContext http, RouteTable table, IServiceRegistry registry, HealthCheckService health, PassportAnnouncer passports, CancellationToken cancellationToken)
    {
        var snapshot = registry.Current;
        var served = table.Current.Select(route => route.Service).Intersect(_own).All(service => snapshot.Up(service).Any(Instance.IsUsable));
        // Which service is missing, and why, is for an operator: /actuator/health and the log say it.
        if (served && passports.IsAnnounced && await HasKeysAsync(health, cancellationToken)) await http.Response.WriteAsync("ok", cancellationToken);
        else await http.RefuseAsync(new Problem(503, "not_ready", "The mesh is not ready") { RetryAfter = TimeSpan.FromSeconds(1) });
    }

    private static async Task<bool> HasKeysAsync(HealthCheckService health, CancellationToken cancellationToken)
    {
        var report = await health.CheckHealthAsync(check => check.Name == "keys", cancellationToken);
        return report.Entries.TryGetValue("keys", out var keys) && keys.Status == HealthStatus.Healthy;
    }
}
