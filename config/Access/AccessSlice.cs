using System.Net;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;
using SecureMesh.Sdk;

namespace SecureMesh.Config.Access;

/// <summary>Who may read: the mesh's services by name and own secret, or a bearer of a token for this server with scope <c>server</c>.</summary>
internal static class AccessSlice
{
    public const string MayRead = "MayRead";

    public static WebApplicationBuilder AddAccess(this WebApplicationBuilder builder)
    {
        builder.AddServiceCredentials();
        builder.Services.AddSingleton<IAuthorizationHandler, ReaderHandler>();
        builder.Services.AddSingleton<IErrorDialect, ConfigDialect>();
        builder.Services.AddHostedService<OpenReadingWarning>();
        builder.Services.AddAuthorizationBuilder().AddPolicy(MayRead, policy => policy
            .AddAuthenticationSchemes(ServiceCredentials.Scheme)
            .AddRequirements(new ReaderRequirement()));
        return builder;
    }
}

internal sealed record ReaderRequirement : IAuthorizationRequirement;

/// <summary>Decides about a caller; in the demo anybody on this machine may read without a credential, never with a wrong one.</summary>
internal sealed class ReaderHandler(IOptions<MeshOptions> options) : AuthorizationHandler<ReaderRequirement, HttpContext>
{
    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, ReaderRequirement requirement, HttpContext resource)
    {
        if (context.User.Identity?.IsAuthenticated == true || (options.Value.Demo && IsOpenReader(resource))) context.Succeed(requirement);
        return Task.CompletedTask;
    }

    // The name in Host must be the machine's own as well: a page whose name was rebound to this address sends its own name.
    private static bool IsOpenReader(HttpContext http) =>
        http.Request.Headers.Authorization.Count == 0
        && http.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address)
        && (http.Request.Host.Host is "localhost" || (IPAddress.TryParse(http.Request.Host.Host, out var host) && IPAddress.IsLoopback(host)));
}

/// <summary>What the SDK refuses in this server's name, in this server's own dialect.</summary>
internal sealed class ConfigDialect : IErrorDialect
{
    public Task WriteAsync(HttpContext http, Problem problem)
    {
        if (problem.Challenge is not null) http.Response.Headers.WWWAuthenticate = problem.Challenge;
        return new ConfigError(problem.Status, problem.Detail).ExecuteAsync(http);
    }
}

/// <summary>Says at the start that the demo is open.</summary>
internal sealed partial class OpenReadingWarning(IOptions<MeshOptions> options, ILogger<OpenReadingWarning> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.Demo) Log.OpenReading(logger);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static partial class Log
    {
        [LoggerMessage(EventIds.OpenReading, LogLevel.Warning, "Demo: everybody on this machine may read the configuration without a credential; mesh:demo=false ends that")]
        public static partial void OpenReading(ILogger logger);
    }
}
