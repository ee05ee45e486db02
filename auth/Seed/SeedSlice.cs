using SecureMesh.Sdk;

namespace SecureMesh.Auth.Seed;

internal static class SeedSlice
{
    public static WebApplicationBuilder AddSeed(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<BootstrapOptions>().BindConfiguration("auth:bootstrap");
        builder.Services.AddOptions<MeshOptions>().Validate(
            options => Uri.TryCreate(options.Issuer, UriKind.Absolute, out var issuer) && issuer.Scheme is "http" or "https" && issuer.Fragment.Length == 0 && issuer.Query.Length == 0,
            "mesh:issuer must be an absolute http or https URL without query and fragment.").ValidateOnStart();
        builder.Services.AddSingleton<Seeder>();
        builder.Services.AddHostedService<Starting>();
        return builder;
    }

    // Before anything listens: the first request finds the identities, a refused start serves none.
    private sealed class Starting(IServiceProvider services) : IHostedLifecycleService
    {
        public Task StartingAsync(CancellationToken cancellationToken) => services.GetRequiredService<Seeder>().SeedAsync(cancellationToken);
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
