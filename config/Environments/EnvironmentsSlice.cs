using System.Text.RegularExpressions;
using SecureMesh.Config.Access;
using SecureMesh.Config.Merged;
using SecureMesh.Sdk;

namespace SecureMesh.Config.Environments;

/// <summary>The URLs of a Spring Cloud Config server. All are readings, all need the same right, and all share one check of names.</summary>
internal static partial class EnvironmentsSlice
{
    private static readonly string[] Reading = ["GET", "HEAD"];

    public static WebApplicationBuilder AddEnvironments(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<EnvironmentFinder>();
        builder.Services.AddSingleton<EnvironmentEndpoint>();
        builder.Services.AddSingleton<MergedEndpoint>();
        builder.Services.AddSingleton<FileEndpoint>();
        return builder;
    }

    public static void MapEnvironments(this WebApplication app)
    {
        var environments = app.Services.GetRequiredService<EnvironmentEndpoint>();
        var merged = app.Services.GetRequiredService<MergedEndpoint>();
        var files = app.Services.GetRequiredService<FileEndpoint>();
        var readers = app.MapGroup("").RequireAuthorization(AccessSlice.MayRead).WithOwnErrors();

        // foo-dev.yml
        readers.MapMethods("/{name}", Reading, Answer(http => merged.HandleAsync(http, null, Value(http, "name"))));

        // foo/dev, or main/foo-dev.yml
        readers.MapMethods("/{first}/{second}", Reading, Answer(http => MergedSuffix().IsMatch(Value(http, "second"))
            ? merged.HandleAsync(http, Value(http, "first"), Value(http, "second"))
            : environments.HandleAsync(http, Value(http, "first"), Value(http, "second"), null)));

        // foo/dev/main, or foo/dev/nginx.conf?useDefaultLabel, or foo/dev/main/conf/nginx.conf
        readers.MapMethods("/{application}/{profile}/{label}/{**path}", Reading, Answer(http =>
        {
            var (application, profile, label, path) = (Value(http, "application"), Value(http, "profile"), Value(http, "label"), Value(http, "path"));
            if (path.Length > 0) return files.HandleAsync(http, application, profile, label, path);
            return http.Request.Query.ContainsKey("useDefaultLabel")
                ? files.HandleAsync(http, application, profile, null, label)
                : environments.HandleAsync(http, application, profile, label);
        }));

        readers.MapFallback("/{**rest}", Answer(http => Task.FromResult<IResult>(new ConfigError(Reading.Contains(http.Request.Method) ? 404 : 405))));
    }

    private static RequestDelegate Answer(Func<HttpContext, Task<IResult>> handle) => async http => await (await handle(http)).ExecuteAsync(http);

    private static string Value(HttpContext http, string name) => http.GetRouteValue(name) as string ?? "";

    // Such a second segment is never a profile: /foo/dev.yml is a merged form without an application, so 404.
    [GeneratedRegex(@"\b\.(?:ya?ml|properties|json)\b")]
    private static partial Regex MergedSuffix();
}
