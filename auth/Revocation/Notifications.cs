using System.Data.Common;
using Dapper;
using Npgsql;

namespace SecureMesh.Auth.Revocation;

/// <summary>The one channel of PostgreSQL on which the instances of a schema tell each other what has changed; on SQLite nothing is sent.</summary>
internal static class Notifications
{
    /// <summary>Channels belong to the whole database, in which other schemas may have instances of their own.</summary>
    public const string Channel = "'securemesh_auth_' || md5(current_schema())";

    /// <summary>There are new revocations.</summary>
    public const string Revocation = "r";

    // PostgreSQL takes less than 8,000 bytes.
    private const int Longest = 2000;

    public static string Invalidation(string topic, string id) => id.Length > Longest ? $"i {topic}" : $"i {topic} {id}";

    /// <summary>Topic and id of a change; id null when it was too long to be told.</summary>
    public static (string Topic, string? Id)? ReadInvalidation(string payload)
    {
        if (!payload.StartsWith("i ", StringComparison.Ordinal)) return null;
        var space = payload.IndexOf(' ', 2);
        return space < 0 ? (payload[2..], null) : (payload[2..space], payload[(space + 1)..]);
    }

    /// <summary>Sends with the transaction: delivered after its commit, never when it is rolled back.</summary>
    public static async Task SendAsync(DbConnection connection, DbTransaction transaction, string payload)
    {
        if (connection is not NpgsqlConnection) return;
        await connection.ExecuteAsync($"SELECT pg_notify({Channel}, @payload)", new { payload }, transaction);
    }
}
