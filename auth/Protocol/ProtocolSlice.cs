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
        builder.Services.AddOptionsWithValidateOnStart<HashingOptions, HashingOptionsValidator>().BindConfiguration("auth:hashing");
        return builder;
    }

    /// <summary>Whatever below /uaa nothing else answers.</summary>
    public static IEndpointRouteBuilder MapProtocol(this IEndpointRouteBuilder routes)
    {
        routes.Map("/uaa/{**rest}", http => OAuthError.NotFound().ExecuteAsync(http)).AllowAnonymous();
        return routes;
    }
}
