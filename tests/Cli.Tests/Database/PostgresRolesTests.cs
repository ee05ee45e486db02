using Npgsql;
using SecureMesh.Cli.Database;
using SecureMesh.Cli.Topology;
using SecureMesh.Sdk;
using Xunit;

namespace SecureMesh.Cli.Tests.Database;

public sealed class PostgresRolesTests : IAsyncLifetime
{
    private readonly string _name = "cli" + Entropy.HexId();

    private static string Server => Environment.GetEnvironmentVariable("MESH_TEST_POSTGRES")
        ?? throw new InvalidOperationException("MESH_TEST_POSTGRES must hold an admin connection string of a PostgreSQL server; ./test starts one.");

    private string Admin => new NpgsqlConnectionStringBuilder(Server) { Database = _name, Pooling = false }.ConnectionString;

    public async ValueTask InitializeAsync() => await RunAsync(Server, $"CREATE DATABASE {_name}");

    public async ValueTask DisposeAsync()
    {
        await RunAsync(Server, $"DROP DATABASE {_name} WITH (FORCE)");
        await RunAsync(Server, $"DROP ROLE IF EXISTS {_name}_auth, {_name}_account");
    }

    [Fact]
    public async Task Each_service_owns_its_schema_and_cannot_enter_the_others()
    {
        var connections = await PostgresRoles.PrepareAsync(Admin, TestContext.Current.CancellationToken);

        Assert.Equal(["account", "auth"], connections.Keys.Select(k => k.Name).Order());
        await RunAsync(connections[ServiceKind.Auth], "CREATE TABLE users (id TEXT); INSERT INTO users VALUES ('a')");
        Assert.Equal("mesh_auth", await RunAsync(Admin, "SELECT schemaname FROM pg_tables WHERE tablename = 'users'"));
        var refused = await Assert.ThrowsAsync<PostgresException>(() => RunAsync(connections[ServiceKind.Account], "SELECT id FROM mesh_auth.users"));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
        refused = await Assert.ThrowsAsync<PostgresException>(() => RunAsync(connections[ServiceKind.Account], "CREATE TABLE public.users (id TEXT)"));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
        refused = await Assert.ThrowsAsync<PostgresException>(() => RunAsync(connections[ServiceKind.Account], "CREATE ROLE intruder"));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
    }

    [Fact]
    public async Task A_new_start_sets_new_passwords_and_keeps_the_rows()
    {
        var first = await PostgresRoles.PrepareAsync(Admin, TestContext.Current.CancellationToken);
        await RunAsync(first[ServiceKind.Auth], "CREATE TABLE users (id TEXT); INSERT INTO users VALUES ('kept')");

        var second = await PostgresRoles.PrepareAsync(Admin, TestContext.Current.CancellationToken);

        Assert.NotEqual(first[ServiceKind.Auth], second[ServiceKind.Auth]);
        Assert.Equal("kept", await RunAsync(second[ServiceKind.Auth], "SELECT id FROM users"));
    }

    [Fact]
    public async Task The_server_knows_the_password_as_it_would_have_hashed_it_itself()
    {
        // The test server trusts everybody, so the password is checked by the server's own function for one that is right.
        var connections = await PostgresRoles.PrepareAsync(Admin, TestContext.Current.CancellationToken);
        var password = new NpgsqlConnectionStringBuilder(connections[ServiceKind.Auth]).Password!;
        var verifier = (string)(await RunAsync(Server, $"SELECT rolpassword FROM pg_authid WHERE rolname = '{_name}_auth'"))!;

        var parts = verifier.Split('$', ':'); // SCRAM-SHA-256, iterations, salt, stored key, server key
        var salted = System.Security.Cryptography.Rfc2898DeriveBytes.Pbkdf2(password, Convert.FromBase64String(parts[2]), 4096, System.Security.Cryptography.HashAlgorithmName.SHA256, 32);
        var clientKey = System.Security.Cryptography.HMACSHA256.HashData(salted, "Client Key"u8);

        Assert.Equal(["SCRAM-SHA-256", "4096"], parts.Take(2));
        Assert.Equal(Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(clientKey)), parts[3]);
    }

    [Fact]
    public async Task Two_meshes_that_start_at_once_do_not_disturb_each_other() =>
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PostgresRoles.PrepareAsync(Admin, TestContext.Current.CancellationToken)));

    [Fact]
    public async Task A_server_that_does_not_answer_is_one_line_without_the_password()
    {
        var refused = await Assert.ThrowsAsync<MeshStartException>(() => PostgresRoles.PrepareAsync(
            "Host=127.0.0.1;Port=1;Username=admin;Password=very-secret;Database=mesh", TestContext.Current.CancellationToken));

        Assert.StartsWith("the database 127.0.0.1:1/mesh does not serve (", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("very-secret", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Theory]
    [InlineData("nonsense=1;Password=very-secret")]
    [InlineData("Host")]
    [InlineData("Username=admin;Password=very-secret")]
    [InlineData("postgresql://admin:very-secret@/mesh?nonsense=1")]
    public void What_is_no_connection_string_is_refused_without_repeating_it(string text)
    {
        var refused = Assert.Throws<MeshStartException>(() => PostgresAddress.Parse(text));

        Assert.StartsWith("--database (or MESH_DATABASE) is no connection string", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("very-secret", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_url_form_is_understood()
    {
        var address = PostgresAddress.Parse("postgresql://admin:p%40ss@db.example:5433/mesh?sslmode=verify-full");

        Assert.Equal(("db.example", 5433, "mesh", "admin", "p@ss", SslMode.VerifyFull), (address.Host, address.Port, address.Database, address.Username, address.Password, address.SslMode));
    }

    [Theory]
    [InlineData("mesh", "mesh_auth")]
    [InlineData("staging", "staging_auth")]
    [InlineData("a-database-with-a-name-that-leaves-no-room-for-the-end-of-a-role", "mesh_auth_")]
    public void A_role_is_named_after_its_database(string database, string expected)
    {
        var role = PostgresRoles.RoleOf(ServiceKind.Auth, database);

        Assert.StartsWith(expected, role, StringComparison.Ordinal);
        Assert.True(role.Length <= 63);
    }

    private static async Task<object?> RunAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
