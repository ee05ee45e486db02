using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Who the caller is and what he may do.</summary>
internal static class BearerSlice
{
    public static void AddBearer(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.TryAddSingleton<CallerMode>();
        services.TryAddSingleton<IIssuerKeys, IssuerKeys>();
        services.AddHostedService<IssuerKeysRefresh>();
        services.AddHttpClient(IssuerKeys.Client, client =>
            {
                client.Timeout = TimeSpan.FromSeconds(2);
                client.MaxResponseContentBufferSize = 256 * 1024;
            })
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
            {
                AllowAutoRedirect = false, // keys come from the configured address or not at all
                UseCookies = false,
                UseProxy = false,
                ConnectTimeout = TimeSpan.FromSeconds(2),
                PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            });

        services.AddAuthentication(CallerMode.Scheme)
            .AddPolicyScheme(CallerMode.Scheme, null, _ => { })
            .AddJwtBearer();
        services.AddOptions<Microsoft.AspNetCore.Authentication.PolicySchemeOptions>(CallerMode.Scheme)
            .Configure<CallerMode>((options, mode) => options.ForwardDefaultSelector = _ => mode.Current);
        services.TryAddSingleton<BearerEvents>();
        services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme)
            .Configure<IOptions<MeshOptions>, IIssuerKeys, TimeProvider, BearerEvents>((options, mesh, keys, time, events) =>
            {
                options.MapInboundClaims = false;
                options.SaveToken = false;
                options.TokenValidationParameters = AccessTokenHandler.Parameters(mesh.Value, time);
                options.TokenHandlers.Clear();
                options.TokenHandlers.Add(new AccessTokenHandler(keys));
                options.Events = events;
            });

        services.TryAddEnumerable(ServiceDescriptor.Singleton<IAuthorizationHandler, ScopeHandler>());
        services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().AddRequirements(new PolicyRequired()).Build());
    }
}
