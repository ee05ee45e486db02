using Microsoft.Extensions.DependencyInjection.Extensions;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Protocol;

internal static class ProtocolSlice
{
    public static WebApplicationBuilder AddProtocol(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IErrorDialect, UaaDialect>();
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<MatcherPolicy, CaseSensitivePathPolicy>());
        builder.Services.TryAddSingleton<SlowHash>();
        builder.Services.AddOptions<HashingOptions>().BindConfiguration("auth:hashing").Validate(
            options => options.Workers is >= 0 and <= 256 && options.Queue is >= 1 and <= 100_000,
            "auth:hashing:workers must be 0 (one per processor) to 256 and auth:hashing:queue 1 to 100000.").ValidateOnStart();
        return builder;
    }

    /// <summary>Whatever below /uaa nothing else answers.</summary>
    public static IEndpointRouteBuilder MapProtocol(this IEndpointRouteBuilder routes)
    {
        routes.Map("/uaa/{**rest}", http => OAuthError.NotFound().ExecuteAsync(http)).AllowAnonymous();
        return routes;
    }
}
