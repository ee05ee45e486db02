namespace SecureMesh.Discovery.Apps;

/// <summary>
/// Makes one slash of several before the router looks: clients glue base address and path together carelessly.
/// A startup filter, because it has to run before routing, and so before the access policy of an endpoint is chosen.
/// </summary>
internal sealed class EurekaPaths : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use((http, rest) =>
        {
            if (http.Request.Path.Value is { } path && path.Contains("//", StringComparison.Ordinal)) http.Request.Path = Collapse(path);
            return rest(http);
        });
        next(app);
    };

    private static string Collapse(string path) =>
        "/" + string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries)) + (path.Length > 1 && path[^1] == '/' ? "/" : "");
}
