using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Scim;

internal static class ScimSlice
{
    public static WebApplicationBuilder AddScim(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<UserAnswers>();
        builder.Services.AddSingleton<UsersEndpoint>();
        builder.Services.AddSingleton<UserChangeEndpoint>();
        builder.Services.AddSingleton<PasswordEndpoint>();
        builder.Services.AddSingleton<StatusEndpoint>();
        builder.Services.AddSingleton<IdsEndpoint>();
        return builder;
    }

    public static IEndpointRouteBuilder MapScim(this IEndpointRouteBuilder routes)
    {
        var services = routes.ServiceProvider;
        var users = services.GetRequiredService<UsersEndpoint>();
        var change = services.GetRequiredService<UserChangeEndpoint>();
        var ids = services.GetRequiredService<IdsEndpoint>();
        routes.MapUaa("/uaa/Users", ("GET", users.ListAsync), ("POST", users.CreateAsync));
        routes.MapUaa("/uaa/Users/{id}", ("GET", users.GetAsync), ("PUT", change.PutAsync), ("PATCH", change.PatchAsync), ("DELETE", users.DeleteAsync));
        routes.MapUaa("/uaa/Users/{id}/password", ("PUT", services.GetRequiredService<PasswordEndpoint>().HandleAsync));
        routes.MapUaa("/uaa/Users/{id}/status", ("PATCH", services.GetRequiredService<StatusEndpoint>().HandleAsync));
        routes.MapUaa("/uaa/Users/{id}/verify", ("GET", change.VerifyAsync));
        routes.MapUaa("/uaa/ids/Users", ("GET", ids.HandleAsync));
        return routes;
    }
}
