using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Revocation;

internal static class RevocationSlice
{
    public static WebApplicationBuilder AddRevocation(this WebApplicationBuilder builder)
    {
        builder.AddCurrentOptions<RevocationOptions, RevocationOptionsValidator>("auth:revocation");
        var services = builder.Services;
        services.AddSingleton<Invalidations>();
        services.AddSingleton<IInvalidations>(provider => provider.GetRequiredService<Invalidations>());
        services.AddSingleton<RevocationState>();
        services.AddSingleton<RevocationLog>();
        services.AddSingleton<RevocationWake>();
        services.AddSingleton<RevocationFollower>();
        services.AddHostedService<Loading>();
        services.AddHostedService<ChangeListener>();
        return builder;
    }

    // Before anything listens: no token may be judged without the revocations.
    private sealed class Loading(RevocationFollower revocations) : IHostedLifecycleService
    {
        public Task StartingAsync(CancellationToken cancellationToken) => revocations.LoadAsync(cancellationToken);
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
