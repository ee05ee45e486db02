using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;
using SecureMesh.Sdk;

namespace SecureMesh.Discovery.Access;

/// <summary>Who may read, and who may change what.</summary>
internal static partial class AccessSlice
{
    /// <summary>For every endpoint of the registry.</summary>
    public static AuthorizationPolicy Policy { get; } =
        new AuthorizationPolicyBuilder(RegistryScheme.Name).RequireAuthenticatedUser().Build();

    public static void AddAccess(this WebApplicationBuilder builder)
    {
        builder.AddServiceCredentials();
        new AuthenticationBuilder(builder.Services).AddScheme<AuthenticationSchemeOptions, RegistryScheme>(RegistryScheme.Name, null);
        builder.Services.AddAuthorization();
        builder.Services.AddSingleton<NamePolicy>();
        builder.Services.AddSingleton<Audit>();
        builder.Services.AddSingleton<IErrorDialect, EmptyErrors>();
        builder.Services.AddHostedService<OpenWarning>();
    }

    /// <summary>What is open in the demo is said at its start.</summary>
    private sealed partial class OpenWarning(IOptions<MeshOptions> mesh, ILogger<OpenWarning> logger) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            if (mesh.Value.Demo) Log.Open(logger);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        private static partial class Log
        {
            [LoggerMessage(EventIds.OpenOnLoopback, LogLevel.Warning,
                "Demo: anyone on this machine may read the registry and register any name but the mesh's own; never run this where others can reach it")]
            public static partial void Open(ILogger logger);
        }
    }
}
