using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using SecureMesh.Auth.Storage;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Seed;

/// <summary>The command <c>--remove-demo</c>: deletes the demo's identities and ends.</summary>
internal sealed class RemoveDemo(IInstallation installation, IHostApplicationLifetime lifetime) : IHostedService
{
    /// <summary>A host with nothing but the database: no configuration server, no registry, no listener.</summary>
    public static WebApplication Build()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Services.AddOptions<MeshOptions>().BindConfiguration("mesh");
        builder.AddStorage();
        builder.Services.AddHostedService<RemoveDemo>();
        builder.Services.AddSingleton<IServer, NoServer>();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        return builder.Build();
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        Console.WriteLine($"removed {await installation.RemoveDemoAsync(cancellationToken)} demo clients and users");
        lifetime.StopApplication();
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private sealed class NoServer : IServer
    {
        public IFeatureCollection Features { get; } = new FeatureCollection();

        public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken) where TContext : notnull => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Dispose() { }
    }
}
