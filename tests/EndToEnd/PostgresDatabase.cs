using Dapper;
using Npgsql;
using SecureMesh.Sdk;

namespace SecureMesh.EndToEnd;

/// <summary>A fresh database on the test server, with the roles that <c>./mesh up --database</c> makes.</summary>
internal sealed class PostgresDatabase(string admin, string name) : IAsyncDisposable
{
    public string ConnectionString { get; } = new NpgsqlConnectionStringBuilder(admin) { Database = name }.ConnectionString;

    public static async Task<PostgresDatabase> CreateAsync()
    {
        var admin = Environment.GetEnvironmentVariable("MESH_TEST_POSTGRES")
            ?? throw new InvalidOperationException("MESH_TEST_POSTGRES must hold an admin connection string of a PostgreSQL server; ./test starts one.");
        var name = "mesh" + Entropy.HexId();
        await using var connection = new NpgsqlConnection(admin);
        await connection.OpenAsync();
        await connection.ExecuteAsync($"CREATE DATABASE {name}");
        return new PostgresDatabase(admin, name);
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await using var connection = new NpgsqlConnection(admin);
        await connection.OpenAsync();
        await connection.ExecuteAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    }
}
