using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Npgsql;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Storage;

/// <summary>A start on a database that is away, locked or not what it should be.</summary>
public sealed class MigratorTests
{
    private readonly Lines _log = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_start_waits_for_postgres_that_is_away_says_so_and_goes_on_when_it_is_back()
    {
        await using var database = await Databases.CreateAsync(SqlEngine.PostgreSql);
        var server = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        using var door = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        door.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // reserved, but nobody listens yet
        var through = new NpgsqlConnectionStringBuilder(database.ConnectionString)
        {
            Host = "127.0.0.1",
            Port = ((IPEndPoint)door.LocalEndPoint!).Port,
            Password = "s3cret",
            Pooling = false,
        };
        await using var store = SqlDatabase.PostgreSql(through.ConnectionString);

        var starting = Migrator(store).StartingAsync(Cancel);
        await Until.HasLineAsync(_log, "Error The database does not serve, the start waits for it: Failed to connect to 127.0.0.1");
        Assert.False(starting.IsCompleted);
        door.Listen();
        using var relay = new CancellationTokenSource();
        var relaying = RelayAsync(door, server.Host!, server.Port, relay.Token);
        await starting.WaitAsync(TimeSpan.FromSeconds(20), Cancel);

        await using var looks = database.Open("test");
        await using var connection = await looks.OpenAsync(Cancel);
        Assert.Equal(1, await connection.ExecuteScalarAsync<long>("SELECT MAX(version) FROM schema_version"));
        Assert.Contains(_log, line => line.StartsWith("Information The database serves after", StringComparison.Ordinal));
        Assert.DoesNotContain(_log, line => line.Contains("s3cret", StringComparison.Ordinal));
        await relay.CancelAsync();
        await relaying;
    }

    [Fact]
    public async Task A_start_waits_for_the_lock_of_a_sqlite_file_for_longer_than_a_command_does()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "test.db");
        await using var other = SqlDatabase.Sqlite(path);
        await using var holder = await other.OpenAsync(Cancel);
        await holder.ExecuteAsync("BEGIN IMMEDIATE");
        await using var store = SqlDatabase.Sqlite(path, TimeSpan.FromSeconds(1));

        var starting = Migrator(store).StartingAsync(Cancel);
        await Until.HasLineAsync(_log, "database is locked");
        Assert.False(starting.IsCompleted);
        await holder.ExecuteAsync("COMMIT");

        await starting.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        Assert.Equal(1, await holder.ExecuteScalarAsync<long>("SELECT MAX(version) FROM schema_version"));
    }

    [Fact]
    public async Task A_start_that_waits_for_the_database_can_be_stopped()
    {
        await using var store = SqlDatabase.PostgreSql("Host=127.0.0.1;Port=1;Username=u;Timeout=2");
        using var stop = new CancellationTokenSource();

        var starting = Migrator(store).StartingAsync(stop.Token);
        await Until.HasLineAsync(_log, "The database does not serve");
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting.WaitAsync(TimeSpan.FromSeconds(5), Cancel));
    }

    [Fact]
    public async Task A_database_that_does_not_exist_stops_the_start_at_once()
    {
        var admin = new NpgsqlConnectionStringBuilder(Environment.GetEnvironmentVariable("MESH_TEST_POSTGRES")) { Database = "no_such_database", Pooling = false };
        await using var store = SqlDatabase.PostgreSql(admin.ConnectionString);

        var refused = await Assert.ThrowsAsync<MeshStartException>(() => Migrator(store).StartingAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(15), Cancel));

        Assert.Equal("the database cannot be used: 3D000: database \"no_such_database\" does not exist", refused.Message);
    }

    [Fact]
    public async Task A_schema_that_does_not_exist_stops_the_start_at_once()
    {
        var admin = new NpgsqlConnectionStringBuilder(Environment.GetEnvironmentVariable("MESH_TEST_POSTGRES")) { SearchPath = "no_such_schema", Pooling = false };
        await using var store = SqlDatabase.PostgreSql(admin.ConnectionString);

        var refused = await Assert.ThrowsAsync<MeshStartException>(() => Migrator(store).StartingAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(15), Cancel));

        Assert.StartsWith("the database cannot be used: 3F000: ", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("28P01", true)]
    [InlineData("28000", true)]
    [InlineData("3D000", true)]
    [InlineData("3F000", true)]
    [InlineData("57P01", false)] // admin_shutdown
    [InlineData("57P03", false)] // cannot_connect_now: it starts or recovers
    [InlineData("53300", false)] // too_many_connections
    [InlineData("40001", false)] // serialization_failure
    public void Of_what_postgres_refuses_only_what_an_operator_must_change_stops_the_start(string code, bool stops) =>
        Assert.Equal(stops, SecureMesh.Sdk.Migrator.NeedsOperator(new PostgresException("text", "FATAL", "FATAL", code)));

    [Theory]
    [InlineData(5, false)] // BUSY
    [InlineData(6, false)] // LOCKED
    [InlineData(10, false)] // IOERR
    [InlineData(13, false)] // FULL
    [InlineData(8, true)]
    [InlineData(11, true)]
    [InlineData(14, true)]
    [InlineData(26, true)]
    public void Of_what_sqlite_refuses_only_a_file_that_is_no_database_stops_the_start(int code, bool stops) =>
        Assert.Equal(stops, SecureMesh.Sdk.Migrator.NeedsOperator(new SqliteException("text", code)));

    private Migrator Migrator(SqlDatabase store) =>
        new(store, new SqlStoreTests.Scripts(("0001-notes.sql", "CREATE TABLE notes (id TEXT PRIMARY KEY)")), TimeProvider.System, _log);

    private static async Task RelayAsync(Socket door, string host, int port, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                using var near = await door.AcceptAsync(stop);
                using var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await far.ConnectAsync(host, port, stop);
                await using NetworkStream a = new(near), b = new(far);
                await Task.WhenAny(a.CopyToAsync(b, stop), b.CopyToAsync(a, stop));
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private sealed class Lines : ConcurrentQueue<string>, ILogger<Migrator>
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Enqueue($"{logLevel} {formatter(state, exception)} {exception}");
    }
}
