using Dapper;
using Npgsql;
using SecureMesh.Sdk;
using Xunit;

namespace SecureMesh.Tests.Support;

/// <summary>Fresh databases of both engines, so that every store is tested on each.</summary>
public static class Databases
{
    /// <summary>The engines. Theories take them by <c>[ClassData(typeof(EachEngine))]</c>, because the analyzer of xUnit fails on member data of another assembly.</summary>
    public static TheoryData<SqlEngine> Engines { get; } = [SqlEngine.Sqlite, SqlEngine.PostgreSql];

    /// <summary>Settings (<c>mesh:database</c>) that put a service on a fresh database of the engine; dispose it after the service.</summary>
    public static async Task<TestDatabase> CreateAsync(SqlEngine engine)
    {
        if (engine == SqlEngine.Sqlite) return new TestDatabase(engine, null, null, new TemporaryFolder());
        var admin = Environment.GetEnvironmentVariable("MESH_TEST_POSTGRES")
            ?? throw new InvalidOperationException("MESH_TEST_POSTGRES must hold an admin connection string of a PostgreSQL server; ./test starts one.");
        var schema = "t" + Entropy.HexId();
        await using var connection = new NpgsqlConnection(admin);
        await connection.OpenAsync();
        await connection.ExecuteAsync($"CREATE SCHEMA {schema}");
        var service = new NpgsqlConnectionStringBuilder(admin) { SearchPath = schema, MaxPoolSize = 20 };
        return new TestDatabase(engine, service.ConnectionString, admin, null) { Schema = schema };
    }
}

/// <summary>Runs a theory on every engine.</summary>
public sealed class EachEngine : TheoryData<SqlEngine>
{
    public EachEngine() : base(SqlEngine.Sqlite, SqlEngine.PostgreSql) { }
}

/// <summary>One fresh database.</summary>
public sealed class TestDatabase(SqlEngine engine, string? connectionString, string? admin, TemporaryFolder? folder) : IAsyncDisposable
{
    private readonly TemporaryFolder _data = folder ?? new TemporaryFolder();

    internal string? Schema { get; init; }

    public SqlEngine Engine => engine;

    /// <summary>The data folder that goes with it.</summary>
    public string Data => _data.Path;

    /// <summary>PostgreSQL connection string, null on SQLite.</summary>
    public string? ConnectionString => connectionString;

    /// <summary>The settings of a service that uses it: <c>mesh:data</c>, and <c>mesh:database</c> on PostgreSQL.</summary>
    public Dictionary<string, string> Settings(params (string Key, string Value)[] more)
    {
        var settings = new Dictionary<string, string> { ["mesh:data"] = Data };
        if (connectionString is not null) settings["mesh:database"] = connectionString;
        foreach (var (key, value) in more) settings[key] = value;
        return settings;
    }

    /// <summary>Opens it beside the service, to look inside.</summary>
    /// <param name="name">The file name given to AddMeshStore, without extension.</param>
    public SqlDatabase Open(string name) =>
        connectionString is null ? SqlDatabase.Sqlite(Path.Combine(Data, name + ".db")) : SqlDatabase.PostgreSql(connectionString);

    public async ValueTask DisposeAsync()
    {
        if (admin is not null)
        {
            await using var connection = new NpgsqlConnection(admin);
            await connection.OpenAsync();
            await connection.ExecuteAsync($"DROP SCHEMA IF EXISTS {Schema} CASCADE");
        }
        _data.Dispose();
    }
}
