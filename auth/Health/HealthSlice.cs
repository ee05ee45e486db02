using System.Data.Common;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Health;

internal static class HealthSlice
{
    /// <summary><c>/uaa/healthz</c> as UAA has it: plain text, for everyone.</summary>
    public static IEndpointRouteBuilder MapHealthz(this IEndpointRouteBuilder routes)
    {
        var keys = routes.ServiceProvider.GetRequiredService<KeyRing>();
        var database = routes.ServiceProvider.GetRequiredService<SqlDatabase>();
        var lifetime = routes.ServiceProvider.GetRequiredService<IHostApplicationLifetime>();
        routes.MapUaa("/uaa/healthz", ("GET", HandleAsync));
        return routes;

        async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
        {
            http.Response.Headers.CacheControl = "no-store";
            if (lifetime.ApplicationStopping.IsCancellationRequested) return Text("stopping\n", 503);
            if (!keys.IsLoaded) return Text("The signing keys are not loaded.\n", 503);
            return await AnswersAsync(database, cancellationToken) ? Text("ok\n", 200) : Text("Database Connection failed.\n", 503);
        }
    }

    private static IResult Text(string text, int status) => Results.Text(text, "text/plain", System.Text.Encoding.UTF8, status);

    private static async Task<bool> AnswersAsync(SqlDatabase database, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await database.OpenAsync(cancellationToken);
            await using var command = connection.CreateCommand();
            command.CommandText = "SELECT 1 FROM installation";
            await command.ExecuteScalarAsync(cancellationToken);
            return true;
        }
        catch (DbException)
        {
            return false;
        }
    }
}
