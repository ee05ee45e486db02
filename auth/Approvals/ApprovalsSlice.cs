using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Approvals;

internal static class ApprovalsSlice
{
    public static WebApplicationBuilder AddApprovals(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<UserApprovals>();
        builder.Services.AddSingleton<IApprovals>(services => services.GetRequiredService<UserApprovals>());
        builder.Services.AddSingleton<ApprovalsEndpoint>();
        return builder;
    }

    public static IEndpointRouteBuilder MapApprovals(this IEndpointRouteBuilder routes)
    {
        var endpoint = routes.ServiceProvider.GetRequiredService<ApprovalsEndpoint>();
        routes.MapUaa("/uaa/approvals", ("GET", endpoint.ListAsync), ("PUT", endpoint.ReplaceAllAsync), ("DELETE", endpoint.WithdrawAsync));
        routes.MapUaa("/uaa/approvals/{clientId}", ("PUT", endpoint.ReplaceOfClientAsync));
        return routes;
    }
}
