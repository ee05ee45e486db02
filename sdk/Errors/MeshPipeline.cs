using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Puts the SDK's steps around the service's own pipeline, so that a service needs no <c>UseX</c> and cannot forget one.</summary>
internal sealed class MeshPipeline(
    RequestLog log, ErrorBoundary errors, BodyLimit body, HealthEndpoint health, WhyEndpoint why, CallerMode mode, IOptions<MeshOptions> options) : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        mode.Check();
        if (options.Value.TrustForwardedHeaders) app.UseForwardedHeaders();
        app.Use(Step(log.InvokeAsync));
        app.Use(Step(errors.InvokeAsync));
        app.Use(Step(body.InvokeAsync));
        app.Use(Step(health.InvokeAsync));
        if (why.Serves) app.Use(Step(why.InvokeAsync));
        next(app);
        DefaultDeny.Check(app.ApplicationServices.GetRequiredService<EndpointDataSource>());
    };

    private static Func<RequestDelegate, RequestDelegate> Step(Func<HttpContext, RequestDelegate, Task> step) =>
        next => http => step(http, next);
}
