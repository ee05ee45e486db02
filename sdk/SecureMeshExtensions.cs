using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace SecureMesh.Sdk;

/// <summary>Joins a service to the mesh.</summary>
public static class SecureMeshExtensions
{
    /// <summary>
    /// Fetches the service's configuration, registers it, checks bearer tokens on every endpoint that asks for a scope,
    /// follows the revocations of the token service, refuses to start when an endpoint has no policy, serves <c>/actuator/health</c>, and writes JSON logs with trace ids.
    /// </summary>
    /// <param name="builder">The service's builder.</param>
    /// <param name="name">Wire name; null takes <c>mesh:name</c>, and without it the assembly's name in lower case.</param>
    /// <exception cref="MeshStartException">The configuration is missing or wrong; the message says what to do.</exception>
    public static WebApplicationBuilder AddSecureMesh(this WebApplicationBuilder builder, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var wireName = name ?? builder.Configuration["mesh:name"] ?? builder.Environment.ApplicationName.ToLowerInvariant();
        builder.Configuration.AddInMemoryCollection([new("mesh:name", wireName)]);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddOptionsWithValidateOnStart<MeshOptions, MeshOptionsValidator>().BindConfiguration("mesh");
        builder.AddLogs();
        builder.AddConfigClient();
        builder.AddRegistryClient();
        builder.AddServiceTokens();
        builder.Services.Configure<HostOptions>(options =>
        {
            options.ShutdownTimeout = TimeSpan.FromSeconds(2.5);
            // Each loop takes its own errors; should one get out, the framework logs it and the service goes on answering.
            options.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.Ignore;
        });
        builder.AddForwarded();
        builder.AddExplain();
        builder.AddErrors();
        builder.AddRevocations();
        builder.AddBearer();
        builder.AddHealth();
        builder.AddTelemetry();
        return builder;
    }
    /// <summary>
    /// Makes this service refuse the passports that other services take from the gateway: for the token service, the gateway
    /// and whatever is not called through it, where a credential of the caller's own is needed.
    /// </summary>
    /// <param name="builder">The service's builder, after <see cref="AddSecureMesh"/>.</param>
    public static WebApplicationBuilder RefusePassports(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.Replace(ServiceDescriptor.Singleton<IPassportKeys, NoPassportKeys>());
        return builder;
    }
}
