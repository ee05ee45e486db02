using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace SecureMesh.Gateway.Passport;

/// <summary>What services get in place of the caller's credential.</summary>
internal static class PassportSlice
{
    public static void AddPassport(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<PassportKeys>();
        builder.Services.AddSingleton<PassportMint>();
        builder.Services.AddSingleton<Identity>();
        builder.Services.AddSingleton<TokenExchange>();
        builder.Services.AddOptions<ExchangeOptions>().BindConfiguration("gateway:exchange");
        builder.Services.AddSingleton<PassportAnnouncer>();
        builder.Services.AddHostedService(services => services.GetRequiredService<PassportAnnouncer>());
        builder.Services.AddHealthChecks().AddCheck<PassportHealth>("passports");
        builder.Services.AddHttpClient(PassportAnnouncer.Client, client => client.Timeout = TimeSpan.FromSeconds(3))
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                UseProxy = false,
                ConnectTimeout = TimeSpan.FromSeconds(2),
            })
            .RemoveAllLoggers();
    }

    /// <summary>Until the key is announced, routes that need a passport answer 503.</summary>
    private sealed class PassportHealth(PassportAnnouncer announcer, PassportKeys keys) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            var data = new Dictionary<string, object> { ["key"] = keys.Current.Id };
            return Task.FromResult(announcer.IsAnnounced ? HealthCheckResult.Healthy(data: data) : HealthCheckResult.Degraded("the key is not announced yet", data: data));
        }
    }
}
