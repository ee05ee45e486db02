using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Registration;

internal static class RegistrationSlice
{
    public static WebApplicationBuilder AddRegistration(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<RegistrationEndpoint>();
        return builder;
    }

    public static IEndpointRouteBuilder MapRegistration(this IEndpointRouteBuilder routes)
    {
        var endpoint = routes.ServiceProvider.GetRequiredService<RegistrationEndpoint>();
        routes.MapUaa("/uaa/users", ("POST", endpoint.RegisterAsync));
        routes.MapUaa("/uaa/users/{username}", ("DELETE", endpoint.UndoAsync));
        return routes;
    }
}
