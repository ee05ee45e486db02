using Microsoft.Extensions.DependencyInjection.Extensions;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token.Device;
using SecureMesh.Auth.Token.Exchange;
using SecureMesh.Auth.Token.Grants;
using SecureMesh.Auth.Token.Trust;

namespace SecureMesh.Auth.Token;

internal static class TokenSlice
{
    public static WebApplicationBuilder AddToken(this WebApplicationBuilder builder)
    {
        builder.AddCurrentOptions<TokenOptions, TokenOptionsValidator>("auth:token");
        var services = builder.Services;
        services.AddSingleton<AccessTokens>();
        services.AddSingleton<IdTokens>();
        services.AddSingleton<RefreshFamilies>();
        services.AddSingleton<ScopePolicy>();
        services.AddSingleton<IssuancePolicy>();
        services.AddSingleton<RefreshPolicy>();
        services.AddSingleton<IssueLog>();
        services.AddSingleton<Resources>();
        services.AddSingleton<TokenIssuer>();
        services.AddSingleton<TokenEndpoint>();
        builder.AddCurrentOptions<DeviceOptions, DeviceOptionsValidator>("auth:device");
        services.AddSingleton<DeviceAuthorizations>();
        services.AddSingleton<IDeviceAuthorizations>(provider => provider.GetRequiredService<DeviceAuthorizations>());
        services.AddSingleton<DeviceAuthorizationEndpoint>();
        services.AddGrant<DeviceCodeGrant>().AddGrant<UserTokenGrant>().AddGrant<TokenExchangeGrant>().AddGrant<JwtBearerGrant>();
        services.AddSingleton<ExchangeTokens>();
        services.AddSingleton<ExchangeTargets>();
        builder.AddCurrentOptions<TrustOptions, TrustOptionsValidator>("auth:trust");
        services.AddSingleton<TrustedIssuers>();
        services.AddSingleton<TrustedKeys>();
        services.AddSingleton<ForeignAssertions>();
        services.AddGrant<AuthorizationCodeGrant>().AddGrant<PasswordGrant>().AddGrant<ClientCredentialsGrant>().AddGrant<RefreshTokenGrant>();
        return builder;
    }

    public static IEndpointRouteBuilder MapToken(this IEndpointRouteBuilder routes)
    {
        var endpoint = routes.ServiceProvider.GetRequiredService<TokenEndpoint>();
        routes.MapUaa("/uaa/oauth/token", ("POST", endpoint.HandleAsync)).AllowRegisteredOrigins();
        var device = routes.ServiceProvider.GetRequiredService<DeviceAuthorizationEndpoint>();
        routes.MapUaa("/uaa/oauth/device_authorization", ("POST", device.HandleAsync));
        return routes;
    }

    private static IServiceCollection AddGrant<T>(this IServiceCollection services) where T : class, IGrant
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IGrant, T>());
        return services;
    }
}
