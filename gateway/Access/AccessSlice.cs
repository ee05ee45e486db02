using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using SecureMesh.Gateway.Access.Dpop;
using SecureMesh.Gateway.Access.Foreign;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>From credential to caller to the route's policy.</summary>
internal static class AccessSlice
{
    /// <summary>The framework adds the authentication of every request by itself unless this key is set (WebApplicationBuilder).</summary>
    private const string AuthenticationIsPlaced = "__AuthenticationMiddlewareSet";

    private const string AuthorizationIsPlaced = "__AuthorizationMiddlewareSet";

    public static void AddAccess(this WebApplicationBuilder builder)
    {
        builder.Services.AddAuthorization();
        builder.Services.AddSingleton(new AccessLimits());
        builder.Services.AddSingleton<Credentials>();
        builder.Services.AddSingleton<Gate>();
        builder.Services.AddSingleton<Online>();
        builder.Services.AddSingleton<ForeignIssuers>();
        builder.Services.AddSingleton<IConfigurationCheck>(services => services.GetRequiredService<ForeignIssuers>());
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ICredentialCheck, JwtCheck>());
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ICredentialCheck, OpaqueCheck>());
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ICredentialCheck, BasicCheck>());
        builder.Services.AddOptions<BasicOptions>().BindConfiguration("gateway:basic");
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IPostConfigureOptions<BasicOptions>, BasicDefaults>());
        builder.Services.AddOptionsWithValidateOnStart<DpopOptions, DpopOptionsValidator>().BindConfiguration("gateway:dpop");
        builder.Services.AddSingleton<DpopNonces>();
        builder.Services.AddSingleton(services => new ShownProofs(services.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton<Constraint>();
        builder.Services.AddSingleton<AuthCalls>();
        builder.Services.AddHttpClient(AuthCalls.Client, client =>
            {
                client.Timeout = Timeout.InfiniteTimeSpan; // each call has a patience of its own
                client.MaxResponseContentBufferSize = 256 * 1024;
            })
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                UseProxy = false,
                ConnectTimeout = TimeSpan.FromSeconds(1),
            })
            .RemoveAllLoggers();
    }

    /// <summary>Routes are judged on their own way (<see cref="Forwarding.Passage"/>); whatever else is mapped says who may call it, or nobody may.</summary>
    public static void UseAccess(this WebApplication app)
    {
        var properties = ((IApplicationBuilder)app).Properties;
        (properties[AuthenticationIsPlaced], properties[AuthorizationIsPlaced]) = (true, true);
        app.UseWhen(http => http.GetEndpoint()?.Metadata.GetMetadata<Routes.Route>() is null, others => others.UseAuthentication().UseAuthorization());
    }
}
