using System.Data.Common;
using System.Globalization;
using System.Reflection;
using Dapper;

namespace SecureMesh.Sdk;

/// <summary>Numbered forward-only schema changes, embedded in the service as <c>Storage/Migrations/NNNN-title.sql</c>.</summary>
internal static class SqlMigrations
{
    // Any constant will do: it names the lock under which instances of one service migrate one after the other.
    private const long AdvisoryLock = 0x5345_434D_4553_48;

    /// <summary>Brings the schema to the newest version; refuses one that is newer than this program.</summary>
    public static async Task ApplyAsync(SqlDatabase database, Assembly assembly, TimeProvider time, CancellationToken cancellationToken)
    {
        var scripts = Scripts(assembly);
        await database.WriteAsync(async (connection, transaction) =>
        {
            if (database.Engine == SqlEngine.PostgreSql)
                await connection.ExecuteAsync("SELECT pg_advisory_xact_lock(@AdvisoryLock)", new { AdvisoryLock }, transaction);
            await connection.ExecuteAsync("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL)", null, transaction);
            var current = await connection.ExecuteScalarAsync<long?>("SELECT MAX(version) FROM schema_version", null, transaction) ?? 0;
            var newest = scripts.Count == 0 ? 0 : scripts[^1].Version;
            if (current > newest)
                throw new MeshStartException($"the database has schema {current}, this program knows {newest}: run a newer version of the program.");
            foreach (var script in scripts.Where(script => script.Version > current))
                await ApplyAsync(connection, transaction, script, time);
            return 0;
        }, cancellationToken);
    }

    private static async Task ApplyAsync(DbConnection connection, DbTransaction transaction, Script script, TimeProvider time)
    {
        await connection.ExecuteAsync(script.Sql, null, transaction);
        await connection.ExecuteAsync(
            "INSERT INTO schema_version (version, applied_at) VALUES (@Version, @At)",
            new { script.Version, At = time.GetUtcNow().ToUnixTimeMilliseconds() }, transaction);
    }

    private static List<Script> Scripts(Assembly assembly)
    {
        const string folder = ".Storage.Migrations.";
        var scripts = new List<Script>();
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".sql", StringComparison.Ordinal)))
        {
            var file = name[(name.IndexOf(folder, StringComparison.Ordinal) + folder.Length)..];
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            scripts.Add(new Script(long.Parse(file[..file.IndexOf('-', StringComparison.Ordinal)], CultureInfo.InvariantCulture), reader.ReadToEnd()));
        }
        scripts.Sort((a, b) => a.Version.CompareTo(b.Version));
        return scripts;
    }

    private sealed record Script(long Version, string Sql);
}
