using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Npgsql;
using SecureMesh.Cli.Topology;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Database;

/// <summary>Gives each service that keeps rows a role and a schema of its own; the administrator's connection goes no further.</summary>
internal static class PostgresRoles
{
    private const int ConnectTimeoutSeconds = 10;

    private const int LongestNameBytes = 63; // NAMEDATALEN of the server

    public static string SchemaOf(ServiceKind kind) => "mesh_" + kind.Name;

    /// <summary>
    /// <c>mesh_auth</c> in a database named mesh. Roles belong to the whole server and get a new password at each start:
    /// with the database in its name, a mesh on another database of the same server keeps its own.
    /// </summary>
    public static string RoleOf(ServiceKind kind, string database)
    {
        var name = $"{database}_{kind.Name}";
        return Encoding.UTF8.GetByteCount(name) <= LongestNameBytes
            ? name
            : $"mesh_{kind.Name}_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(database)))[..32]}";
    }

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
                var role = RoleOf(kind, address.Database!);
                await using var command = new NpgsqlCommand(Statements(role, SchemaOf(kind), ScramVerifier.Of(password), address.Database!), connection);
                await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
                connectionStrings[kind] = ConnectionString(address, role, SchemaOf(kind), password);
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

    internal static string ConnectionString(NpgsqlConnectionStringBuilder admin, string role, string schema, string password) =>
        new NpgsqlConnectionStringBuilder
        {
            Host = admin.Host,
            Port = admin.Port,
            Database = admin.Database,
            SslMode = admin.SslMode,
            RootCertificate = admin.RootCertificate,
            Username = role,
            Password = password,
            SearchPath = schema,
            ApplicationName = schema,
            MaxPoolSize = 20,
        }.ConnectionString;

    // Utility statements take no parameters, so names are quoted here; the verifier has no quote in it. Two supervisors at
    // once on one database would collide in the catalog: the lock lets one after the other.
    private static string Statements(string role, string schema, string verifier, string database) =>
        $"""
         BEGIN;
         SELECT pg_advisory_xact_lock(1835365224);
         DO $do$ BEGIN
           IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {Literal(role)}) THEN CREATE ROLE {Name(role)}; END IF;
           IF NOT pg_has_role(current_user, {Literal(role)}, 'MEMBER') THEN GRANT {Name(role)} TO CURRENT_USER; END IF;
         END $do$;
         ALTER ROLE {Name(role)} WITH LOGIN PASSWORD '{verifier}';
         GRANT CONNECT ON DATABASE {Name(database)} TO {Name(role)};
         CREATE SCHEMA IF NOT EXISTS {Name(schema)} AUTHORIZATION {Name(role)};
         REVOKE ALL ON SCHEMA {Name(schema)} FROM PUBLIC;
         REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         COMMIT;
         """;

    private static string Name(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
