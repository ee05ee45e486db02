using Microsoft.Extensions.DependencyInjection.Extensions;
using SecureMesh.Auth.Metadata;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Revocation;

internal static class RevocationSlice
{
    public static WebApplicationBuilder AddRevocation(this WebApplicationBuilder builder)
    {
        builder.AddCurrentOptions<RevocationOptions, RevocationOptionsValidator>("auth:revocation");
        var services = builder.Services;
        services.AddSingleton<Invalidations>();
        services.AddSingleton<IInvalidations>(provider => provider.GetRequiredService<Invalidations>());
        services.AddSingleton<Pause>();
        services.AddSingleton<RevocationState>();
        services.AddSingleton<RevocationLog>();
        services.AddSingleton<RevocationWake>();
        services.AddSingleton<RevocationFollower>();
        services.AddSingleton<ITokenRevocations, OwnRevocations>();
        services.AddSingleton<RevocationFeed>();
        services.AddSingleton<RevocationsEndpoint>();
        services.AddSingleton<RevocationShares>();
        services.AddSingleton<TokenRevoker>();
        services.AddSingleton<RevokeEndpoint>();
        services.AddSingleton<BulkRevocationEndpoint>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IMetadata, RevocationMetadata>());
        services.AddHostedService<Loading>();
        services.AddHostedService<ChangeListener>();
        return builder;
    }

    public static IEndpointRouteBuilder MapRevocation(this IEndpointRouteBuilder routes)
    {
        var bulk = routes.ServiceProvider.GetRequiredService<BulkRevocationEndpoint>();
        routes.MapUaa("/uaa/revocations", ("GET", routes.ServiceProvider.GetRequiredService<RevocationsEndpoint>().HandleAsync));
        routes.MapUaa("/uaa/oauth/revoke", ("POST", routes.ServiceProvider.GetRequiredService<RevokeEndpoint>().HandleAsync)).AllowRegisteredOrigins();
        routes.MapUaa("/uaa/oauth/token/revoke/user/{userId}", Any(bulk.UserAsync));
        routes.MapUaa("/uaa/oauth/token/revoke/user/{userId}/client/{clientId}", Any(bulk.UserAtClientAsync));
        routes.MapUaa("/uaa/oauth/token/revoke/client/{clientId}", Any(bulk.ClientAsync));
        routes.MapUaa("/uaa/oauth/token/revoke/{tokenId}", ("DELETE", bulk.TokenAsync));
        routes.MapUaa("/uaa/oauth/token/list", ("GET", bulk.NoListAsync));
        routes.MapUaa("/uaa/oauth/token/list/user/{userId}", ("GET", bulk.ListOfUserAsync));
        routes.MapUaa("/uaa/oauth/token/list/client/{clientId}", ("GET", bulk.ListOfClientAsync));
        return routes;
    }

    // UAA maps these without regard to the method, and its clients use GET (uaa.md §3.4).
    private static (string, UaaHandler)[] Any(UaaHandler handle) => [("GET", handle), ("POST", handle), ("PUT", handle), ("PATCH", handle), ("DELETE", handle)];

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
