using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Keys;

internal static class KeysSlice
{
    public static WebApplicationBuilder AddKeys(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<KeysOptions>().BindConfiguration("auth:keys");
        services.AddSingleton<SealingKey>();
        services.AddSingleton<KeyRing>();
        services.AddSingleton<TokenSigner>();
        services.AddSingleton<OwnTokens>();
        builder.AddCurrentOptions<RotationOptions, RotationOptionsValidator>("auth:rotation");
        services.AddSingleton<KeyRotation>();
        services.AddSingleton<KeysEndpoint>();
        services.AddSingleton<RotateEndpoint>();
        services.AddSingleton<IIssuerKeys, OwnIssuerKeys>();
        // The name is part of every sealed value: instances in different folders must agree on it.
        services.AddDataProtection().SetApplicationName("securemesh-auth");
        services.AddSingleton<IConfigureOptions<KeyManagementOptions>>(provider => new ConfigureOptions<KeyManagementOptions>(options =>
        {
            options.XmlRepository = provider.GetRequiredService<IXmlRepository>();
            options.XmlEncryptor = new KeyRingEncryptor(provider.GetRequiredService<SealingKey>());
        }));
        services.AddHostedService<Opening>();
        services.AddHostedService<KeyTurns>();
        return builder;
    }

    public static IEndpointRouteBuilder MapKeys(this IEndpointRouteBuilder routes)
    {
        var endpoint = routes.ServiceProvider.GetRequiredService<KeysEndpoint>();
        routes.MapUaa("/uaa/token_keys", ("GET", endpoint.AllAsync));
        routes.MapUaa("/uaa/token_key", ("GET", endpoint.ActiveAsync));
        routes.MapUaa("/uaa/keys/rotate", ("POST", routes.ServiceProvider.GetRequiredService<RotateEndpoint>().HandleAsync));
        return routes;
    }

    // Before anything listens, and before data protection looks for its keys.
    private sealed class Opening(SealingKey sealing, IServiceProvider services) : IHostedLifecycleService
    {
        private Task _others = Task.CompletedTask;

        public async Task StartingAsync(CancellationToken cancellationToken)
        {
            await sealing.OpenAsync(cancellationToken);
            var keys = services.GetRequiredService<KeyRing>();
            // The first RSA key takes a while to make: beside the rest of the start, which has hashes of its own to wait for.
            _others = Task.WhenAll(KeyRing.Algorithms.Select(algorithm => keys.EnsureAsync(algorithm, cancellationToken)));
            await keys.LoadAsync(cancellationToken);
        }

        public async Task StartAsync(CancellationToken cancellationToken)
        {
            await _others;
            await services.GetRequiredService<KeyRing>().LoadAsync(cancellationToken);
        }

        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
