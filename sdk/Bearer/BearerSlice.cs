using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
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
        services.TryAddSingleton<IAccessTokens, AccessTokens>();
        services.TryAddSingleton<IPassportKeys, PassportKeys>();
        services.TryAddSingleton<IOutsideIssuers, OutsideIssuers>();
        services.AddHttpClient(TrustedKeys.Client, client =>
            {
                client.Timeout = TimeSpan.FromSeconds(5);
                client.MaxResponseContentBufferSize = 256 * 1024;
            })
            .ConfigurePrimaryHttpMessageHandler(provider => TrustedKeys.Handler(provider.GetRequiredService<IOptions<MeshOptions>>().Value.Demo))
            .RemoveAllLoggers();
        services.AddHostedService<PublishedKeysRefresh>();
        services.AddHttpClient(PublishedKeys.Client, client =>
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

        // Not AddAuthentication: it would bring data protection, which writes a key ring to the home folder at every start.
        services.AddAuthenticationCore(options => options.DefaultScheme = CallerMode.Scheme);
        services.TryAddSingleton(UrlEncoder.Default);
        services.TryAddSingleton<IAuthenticationConfigurationProvider, NoSchemesFromConfiguration>();
        new AuthenticationBuilder(services)
            .AddPolicyScheme(CallerMode.Scheme, null, _ => { })
            .AddJwtBearer();
        services.AddOptions<PolicySchemeOptions>(CallerMode.Scheme)
            .Configure<CallerMode>((options, mode) => options.ForwardDefaultSelector = _ => mode.Current);
        services.TryAddSingleton<BearerEvents>();
        services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme)
            .Configure<IOptions<MeshOptions>, IIssuerKeys, IPassportKeys, TimeProvider, BearerEvents>((options, mesh, keys, passports, time, events) =>
            {
                options.MapInboundClaims = false;
                options.SaveToken = false;
                options.TokenHandlers.Clear();
                options.TokenHandlers.Add(new BearerTokenHandler(TokenKind.AccessToken(mesh.Value, keys, time), TokenKind.Passport(mesh.Value, passports, time)));
                options.Events = events;
            });

        services.TryAddEnumerable(ServiceDescriptor.Singleton<IAuthorizationHandler, ScopeHandler>());
        services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().AddRequirements(new PolicyRequired()).Build());
    }

    /// <summary>The framework would add issuers, audiences and keys from <c>Authentication:Schemes:*</c>; who is trusted is said in one place only.</summary>
    private sealed class NoSchemesFromConfiguration : IAuthenticationConfigurationProvider
    {
        public IConfiguration AuthenticationConfiguration { get; } = new ConfigurationBuilder().Build();
    }
}
