using System.Reflection;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Gives a service its own database.</summary>
public static class StorageExtensions
{
    /// <summary>
    /// Adds a <see cref="SqlDatabase"/>: PostgreSQL when <c>mesh:database</c> is set, else <c>NAME.db</c> in <c>mesh:data</c>.
    /// The schema is migrated before anything else starts; while the database is away or locked, the start waits for it.
    /// The health component <c>db</c> reports on it.
    /// </summary>
    /// <param name="builder">The service's builder.</param>
    /// <param name="name">File name without extension.</param>
    /// <param name="migrations">The assembly that embeds <c>Storage/Migrations/*.sql</c>.</param>
    public static WebApplicationBuilder AddMeshStore(this WebApplicationBuilder builder, string name, Assembly migrations)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(services => Open(services.GetRequiredService<IOptions<MeshOptions>>().Value, name));
        builder.Services.AddHostedService(services => new Migrator(
            services.GetRequiredService<SqlDatabase>(), migrations, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<Migrator>>()));
        builder.Services.AddHealthChecks().AddCheck<DatabaseHealth>("db");
        return builder;
    }

    private static SqlDatabase Open(MeshOptions options, string name)
    {
        if (!string.IsNullOrEmpty(options.Database)) return SqlDatabase.PostgreSql(options.Database);
        if (string.IsNullOrEmpty(options.Data))
            throw new MeshStartException("mesh:data (MESH__DATA) must name a folder for the database, or mesh:database (MESH__DATABASE) a PostgreSQL connection.");
        try
        {
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(options.Data);
            else Directory.CreateDirectory(options.Data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MeshStartException($"the data folder {options.Data} cannot be written: {e.Message}", e);
        }
        return SqlDatabase.Sqlite(Path.Combine(options.Data, name + ".db"));
    }

    private sealed class DatabaseHealth(SqlDatabase database) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                await using var connection = await database.OpenAsync(cancellationToken);
                await connection.ExecuteScalarAsync<long>("SELECT MAX(version) FROM schema_version");
                return HealthCheckResult.Healthy(data: new Dictionary<string, object> { ["engine"] = database.Engine.ToString() });
            }
            catch (System.Data.Common.DbException)
            {
                return HealthCheckResult.Unhealthy("the database does not answer");
            }
        }
    }
}
