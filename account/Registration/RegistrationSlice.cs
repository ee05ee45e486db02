using SecureMesh.Account.Storage;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Registration;

internal static class RegistrationSlice
{
    public static WebApplicationBuilder AddRegistration(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptionsWithValidateOnStart<RegistrationOptions, RegistrationOptionsValidator>().BindConfiguration("account:registration");
        builder.Services.AddHttpClient(UsersAtAuth.ClientName).CallsService("auth-service", scope: "server")
            // Each call has a limit of its own, account:registration:authTimeout.
            .ConfigureHttpClient(http => http.Timeout = Timeout.InfiniteTimeSpan);
        builder.Services.AddSingleton<IRegistrations, SqlRegistrations>();
        builder.Services.AddSingleton<UsersAtAuth>();
        builder.Services.AddSingleton<Registrar>();
        builder.Services.AddSingleton<RegistrationLimit>();
        builder.Services.AddSingleton<RegistrationTurns>();
        builder.Services.AddSingleton<RegistrationEndpoint>();
        builder.Services.AddHostedService<UnfinishedRegistrations>();
        builder.Services.AddHealthChecks().AddCheck<AuthHealth>("auth-service");
        return builder;
    }

    public static void MapRegistration(this IEndpointRouteBuilder app)
    {
        var endpoint = app.ServiceProvider.GetRequiredService<RegistrationEndpoint>();
        app.MapPost("/accounts/", endpoint.HandleAsync).AllowAnonymous().WithOwnErrors();
    }
}
