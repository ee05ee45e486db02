using System.Security.Cryptography;
using System.Text;
using SecureMesh.Cli.Database;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Topology;

namespace SecureMesh.Cli.Start;

/// <summary>
/// The administrator's secret is made at the first start in production and shown once; a person keeps it, so a later start
/// leaves it alone. Only the fact that it was shown is noted, and for which database, never the secret: the client lies in the
/// database, and on another one it does not exist yet.
/// </summary>
internal static class AdminSecret
{
    private const string Sqlite = "sqlite";

    /// <param name="data">The data folder.</param>
    /// <param name="database">The administrator's connection to PostgreSQL; null: SQLite in the data folder.</param>
    /// <exception cref="SecureMesh.Sdk.MeshStartException">The connection string is none.</exception>
    public static bool WasShown(string data, string? database)
    {
        if (database is null && !File.Exists(Path.Combine(data, ServiceKind.Auth.WireName, "auth.db"))) return false;
        return File.Exists(Note(data)) && File.ReadLines(Note(data)).Contains(Identity(database));
    }

    public static void NoteShown(string data, string? database) => PrivateFolder.WriteFile(
        Note(data),
        $"""
         The secret of the client admin was shown on the terminal. ./mesh up --production --new-admin-secret makes another.
         The database that the client lies in (SHA-256 of its address):
         {Identity(database)}

         """);

    private static string Identity(string? database) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Address(database))));

    private static string Address(string? database)
    {
        if (database is null) return Sqlite;
        var address = PostgresAddress.Parse(database);
        return $"{address.Host!.ToLowerInvariant()}\n{address.Port}\n{address.Database}";
    }

    private static string Note(string data) => Path.Combine(data, "admin-secret-was-shown");
}
