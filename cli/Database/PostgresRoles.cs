using System.Net.Sockets;
using Npgsql;
using SecureMesh.Cli.Topology;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Database;

/// <summary>Gives each service that keeps rows a role and a schema of its own; the administrator's connection goes no further.</summary>
internal static class PostgresRoles
{
    private const int ConnectTimeoutSeconds = 10;

    public static string RoleOf(ServiceKind kind) => "mesh_" + kind.Name;

    /// <returns>By service the connection string of its own role, with a password made for this run.</returns>
    /// <exception cref="MeshStartException">The server cannot be reached or refuses.</exception>
    public static async Task<IReadOnlyDictionary<ServiceKind, string>> PrepareAsync(string admin, CancellationToken cancellationToken)
    {
        var address = PostgresAddress.Parse(admin);
        var connectionStrings = new Dictionary<ServiceKind, string>();
        try
        {
            var own = new NpgsqlConnectionStringBuilder(address.ConnectionString) { Pooling = false, Timeout = ConnectTimeoutSeconds, ApplicationName = "mesh" };
            await using var connection = new NpgsqlConnection(own.ConnectionString);
            await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
            foreach (var kind in ServiceKind.All.Where(k => k.Store))
            {
                var password = Entropy.Token();
                await using var command = new NpgsqlCommand(Statements(RoleOf(kind), ScramVerifier.Of(password), address.Database!), connection);
                await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
                connectionStrings[kind] = ConnectionString(address, RoleOf(kind), password);
            }
        }
        catch (Exception e) when (e is NpgsqlException or SocketException or TimeoutException or ArgumentException)
        {
            throw new MeshStartException(
                $"the database {address.Host}:{address.Port}/{address.Database} does not serve ({e.Message.ReplaceLineEndings(" ").TrimEnd('.')}): "
                + "check --database (or MESH_DATABASE); its user must be allowed to create roles and schemas.", e);
        }

        return connectionStrings;
    }

    internal static string ConnectionString(NpgsqlConnectionStringBuilder admin, string role, string password) =>
        new NpgsqlConnectionStringBuilder
        {
            Host = admin.Host,
            Port = admin.Port,
            Database = admin.Database,
            SslMode = admin.SslMode,
            RootCertificate = admin.RootCertificate,
            Username = role,
            Password = password,
            SearchPath = role,
            ApplicationName = role,
            MaxPoolSize = 20,
        }.ConnectionString;

    // The names are our own literals and the verifier has no quote, so nothing here needs escaping but the database's name.
    // Two supervisors at once on one server would collide in the catalog: the advisory lock lets one after the other.
    private static string Statements(string role, string verifier, string database) =>
        $"""
         BEGIN;
         SELECT pg_advisory_xact_lock(0x6d657368);
         DO $$ BEGIN
           IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role}; END IF;
           IF NOT pg_has_role(current_user, '{role}', 'MEMBER') THEN GRANT {role} TO CURRENT_USER; END IF;
         END $$;
         ALTER ROLE {role} WITH LOGIN PASSWORD '{verifier}';
         GRANT CONNECT ON DATABASE "{database.Replace("\"", "\"\"", StringComparison.Ordinal)}" TO {role};
         CREATE SCHEMA IF NOT EXISTS {role} AUTHORIZATION {role};
         REVOKE ALL ON SCHEMA {role} FROM PUBLIC;
         REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         COMMIT;
         """;
}
