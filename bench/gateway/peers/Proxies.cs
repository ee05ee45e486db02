using Microsoft.IdentityModel.Tokens;

namespace SecureMesh.Bench;

/// <summary>YARP by the book. Only the logging is turned down to warnings: two lines a request would cost more than the proxy.</summary>
internal static class Proxies
{
    public static WebApplication Bare(int port, string backend)
    {
        var app = Builder(port, backend, policy: null).Build();
        app.MapReverseProxy();
        return app;
    }

    public static async Task<WebApplication> WithJwtBearerAsync(int port, string backend, string keys, string issuer, string[] scopes)
    {
        var builder = Builder(port, backend, "scoped");
        using var http = new HttpClient();
        var set = new JsonWebKeySet(await http.GetStringAsync(new Uri(keys)));
        builder.Services.AddAuthentication("Bearer").AddJwtBearer(jwt => jwt.TokenValidationParameters = new TokenValidationParameters
        {
            ValidIssuer = issuer,
            ValidAudience = "mesh://gateway",
            IssuerSigningKeys = set.GetSigningKeys(),
        });
        builder.Services.AddAuthorization(authorization => authorization.AddPolicy("scoped", policy => policy.RequireClaim("scope", scopes)));
        var app = builder.Build();
        app.UseAuthentication();
        app.UseAuthorization();
        app.MapReverseProxy();
        return app;
    }

    private static WebApplicationBuilder Builder(int port, string backend, string? policy)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ReverseProxy:Routes:bench:ClusterId"] = "bench",
            ["ReverseProxy:Routes:bench:Match:Path"] = "/bench/{**rest}",
            ["ReverseProxy:Routes:bench:AuthorizationPolicy"] = policy,
            ["ReverseProxy:Clusters:bench:Destinations:one:Address"] = backend,
        });
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        builder.Services.AddReverseProxy().LoadFromConfig(builder.Configuration.GetSection("ReverseProxy"));
        return builder;
    }
}
