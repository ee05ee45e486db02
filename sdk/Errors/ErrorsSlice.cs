using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace SecureMesh.Sdk;

/// <summary>What surrounds every request: limits, trace id, access line, errors.</summary>
internal static class ErrorsSlice
{
    public static void AddErrors(this WebApplicationBuilder builder)
    {
        builder.Services.TryAddSingleton<IErrorDialect, ProblemDialect>();
        builder.Services.TryAddSingleton<ErrorBoundary>();
        builder.Services.TryAddSingleton<RequestLog>();
        builder.Services.TryAddSingleton<BodyLimit>();
        builder.Services.AddSingleton<IDeveloperPageExceptionFilter>(services => services.GetRequiredService<ErrorBoundary>());
        builder.Services.AddTransient<IStartupFilter, MeshPipeline>();
        builder.Services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = false);
        builder.Services.Configure<KestrelServerOptions>(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestLineSize = 16 * 1024;
            options.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
            options.Limits.MaxRequestBodySize = BodyLimit.ThrownAway;
            options.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        });
    }
}
