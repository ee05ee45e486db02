using Microsoft.Extensions.Options;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Explain;

/// <summary>The gateway explains itself: why a request was refused, and what would become of one.</summary>
internal static class ExplainSlice
{
    public static void AddExplain(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptionsWithValidateOnStart<ExplainOptions, ExplainOptionsValidator>().BindConfiguration("gateway:explain");
        builder.Services.AddSingleton(services => new Explanations(services.GetRequiredService<IOptions<ExplainOptions>>().Value.Kept));
        builder.Services.AddSingleton<Explainer>();
        builder.Services.AddSingleton<DryRun>();
        builder.Services.AddSingleton<ServiceEntries>();
        builder.Services.AddSingleton<WhyEndpoint>();
        builder.Services.PostConfigure<MeshOptions>(options => options.Explain.Serve = false); // by WhyEndpoint, which knows more
        builder.Services.AddHttpClient(ServiceEntries.Client, client =>
            {
                client.Timeout = TimeSpan.FromSeconds(2);
                client.MaxResponseContentBufferSize = 256 * 1024;
            })
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                UseProxy = false,
                ConnectTimeout = TimeSpan.FromSeconds(1),
                ActivityHeadersPropagator = null,
            })
            .RemoveAllLoggers();
    }

    public static void MapExplain(this IEndpointRouteBuilder app)
    {
        var why = app.ServiceProvider.GetRequiredService<WhyEndpoint>();
        // Judged like the gateway's routes, by the endpoint itself.
        app.MapGet("/actuator/why/{id}", (HttpContext http, string id) => why.TellAsync(http, id)).WithMetadata(WhyEndpoint.Policy).AllowAnonymous();
        app.MapPost("/actuator/why", (HttpContext http) => why.TryAsync(http)).WithMetadata(WhyEndpoint.Policy).AllowAnonymous();
    }
}
