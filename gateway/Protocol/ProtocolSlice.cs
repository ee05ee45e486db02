using SecureMesh.Gateway.Access;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Protocol;

/// <summary>How the gateway speaks when it answers itself.</summary>
internal static class ProtocolSlice
{
    public static void AddProtocol(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton(typeof(LastGood<>));
        builder.Services.AddSingleton<GatewayErrors>();
        builder.Services.AddSingleton<IErrorDialect>(services => services.GetRequiredService<GatewayErrors>());
        // The host starts an activity for each request as soon as anything of this category may be written.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        builder.Services.PostConfigure<MeshOptions>(options =>
        {
            options.TraceEveryRequest = false; // an activity costs more than all checks of a request
            options.TrustForwardedHeaders = false; // the door believes nobody but gateway:trustedProxies
            options.MaxBodyBytes = long.MaxValue; // each route has a limit of its own
            options.Health.Details = false;
            options.Health.DetailsScope = "uaa.admin";
        });
    }

    /// <summary>Refuses the request in the dialect of its path, and says why to the operator.</summary>
    public static Task RefuseAsync(this HttpContext http, Refusal refusal) => http.RequestServices.GetRequiredService<GatewayErrors>().RefuseAsync(http, refusal);

    /// <summary>Answers with a problem that needs no explanation.</summary>
    public static Task AnswerAsync(this HttpContext http, Problem problem) => http.RequestServices.GetRequiredService<GatewayErrors>().AnswerAsync(http, problem);

    /// <summary>Refuses a request for what it is; the caller reads all there is to say.</summary>
    public static Task RefuseAsync(this HttpContext http, Problem problem) =>
        http.RefuseAsync(new Refusal(problem.Reason is null ? problem with { Reason = Reasons.Request } : problem, problem.Detail));
}
