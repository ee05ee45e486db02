using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Protocol;

/// <summary>How the gateway speaks when it answers itself.</summary>
internal static class ProtocolSlice
{
    public static void AddProtocol(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IErrorDialect, GatewayErrors>();
        builder.Services.PostConfigure<MeshOptions>(options =>
        {
            options.TrustForwardedHeaders = false; // the door believes nobody but gateway:trustedProxies
            options.MaxBodyBytes = long.MaxValue; // each route has a limit of its own
            options.Health.Details = false;
            options.Health.DetailsScope = "uaa.admin";
        });
    }

    /// <summary>Answers the request with the error, in the dialect of its path.</summary>
    public static Task RefuseAsync(this HttpContext http, Problem problem) =>
        http.RequestServices.GetRequiredService<IErrorDialect>().WriteAsync(http, problem);
}
