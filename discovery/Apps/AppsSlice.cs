using SecureMesh.Discovery.Access;

namespace SecureMesh.Discovery.Apps;

/// <summary>The REST operations of Eureka, below both prefixes that its servers use.</summary>
internal static class AppsSlice
{
    // Netflix's own server answers below v2, Spring's without; the state is one.
    private static readonly string[] Prefixes = ["/eureka", "/eureka/v2"];

    public static void AddApps(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IStartupFilter, EurekaPaths>();
        builder.Services.AddSingleton<RegisterEndpoint>();
        builder.Services.AddSingleton<LeaseEndpoint>();
        builder.Services.AddSingleton<ListEndpoint>();
        builder.Services.AddSingleton<LookupEndpoint>();
        builder.Services.AddSingleton<ServerStatusEndpoint>();
    }

    public static void MapApps(this IEndpointRouteBuilder routes)
    {
        var services = routes.ServiceProvider;
        var register = services.GetRequiredService<RegisterEndpoint>();
        var lease = services.GetRequiredService<LeaseEndpoint>();
        var list = services.GetRequiredService<ListEndpoint>();
        var lookup = services.GetRequiredService<LookupEndpoint>();
        var status = services.GetRequiredService<ServerStatusEndpoint>();
        foreach (var prefix in Prefixes)
        {
            var eureka = routes.MapGroup(prefix).RequireAuthorization(AccessSlice.Policy);
            eureka.MapGet("/apps", list.AllAsync);
            eureka.MapGet("/apps/delta", list.DeltaAsync);
            eureka.MapGet("/apps/{app}", lookup.ApplicationAsync);
            eureka.MapPost("/apps/{app}", register.HandleAsync);
            eureka.MapGet("/apps/{app}/{id}", lookup.InstanceAsync);
            eureka.MapPut("/apps/{app}/{id}", lease.RenewAsync);
            eureka.MapDelete("/apps/{app}/{id}", lease.CancelAsync);
            eureka.MapPut("/apps/{app}/{id}/status", lease.SetStatusAsync);
            eureka.MapDelete("/apps/{app}/{id}/status", lease.RemoveStatusAsync);
            eureka.MapPut("/apps/{app}/{id}/metadata", lease.SetMetadataAsync);
            eureka.MapGet("/instances/{id}", lookup.InstanceByIdAsync);
            eureka.MapGet("/vips/{vip}", lookup.VipAsync);
            eureka.MapGet("/svips/{vip}", lookup.SecureVipAsync);
            eureka.MapGet("/status", status.HandleAsync);
            // No caller has the role of a peer: a batch would register anything under any name.
            eureka.MapPost("/peerreplication/batch", http => Answer.Empty(http, StatusCodes.Status403Forbidden));
            // Groups of an Amazon account, which this is not.
            eureka.MapPut("/asg/{name}/status", http => Answer.Empty(http, StatusCodes.Status400BadRequest));
        }
        // Everything else asks for a credential first too, so that a stranger learns nothing about what there is.
        routes.MapFallback("{**path}", http => Answer.Empty(http, StatusCodes.Status404NotFound)).RequireAuthorization(AccessSlice.Policy);
    }
}
