using SecureMesh.Account.Storage;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Accounts;

internal static class AccountsSlice
{
    public static WebApplicationBuilder AddAccounts(this WebApplicationBuilder builder)
    {
        builder.AddAccountStore();
        builder.Services.AddSingleton<AccountsEndpoint>();
        builder.Services.AddHostedService<DemoAccount>();
        builder.Services.Configure<RouteOptions>(options => options.SetParameterPolicy<OpenPath>("open"));
        return builder;
    }

    /// <summary>The store alone, for commands that serve nothing.</summary>
    public static void AddAccountStore(this WebApplicationBuilder builder)
    {
        builder.AddMeshStore("account", typeof(AccountsSlice).Assembly);
        builder.Services.AddSingleton<IAccounts, SqlAccounts>();
    }

    public static void MapAccounts(this IEndpointRouteBuilder app)
    {
        var accounts = app.ServiceProvider.GetRequiredService<AccountsEndpoint>();
        app.MapGet("/accounts/current", accounts.CurrentAsync).RequireScope("ui");
        app.MapPut("/accounts/current", accounts.SaveCurrentAsync).RequireScope("ui").WithOwnErrors();
        app.MapGet("/accounts/{name:open}", accounts.ByNameAsync).AllowAnonymous();
        // Any token; whose account it may read is decided in the endpoint.
        app.MapGet("/accounts/{name}", accounts.ByNameAsync).RequireAuthorization();
    }

    /// <summary>The one path that is open. The router takes <c>/accounts/Demo</c> and <c>/accounts/demo/</c> for the same; they are not.</summary>
    private sealed class OpenPath : IRouteConstraint
    {
        public bool Match(HttpContext? httpContext, IRouter? route, string routeKey, RouteValueDictionary values, RouteDirection routeDirection) =>
            httpContext?.Request.Path.Value == "/accounts/demo";
    }
}
