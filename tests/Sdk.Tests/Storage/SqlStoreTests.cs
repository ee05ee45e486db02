using System.Reflection;
using System.Text;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Storage;

public sealed class SqlStoreTests
{
    private static readonly (string, string) Notes = ("0001-notes.sql", "CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT NOT NULL, at BIGINT NOT NULL, done BOOLEAN NOT NULL); CREATE INDEX notes_at ON notes (at);");
    private static readonly (string, string) Colours = ("0002-colours.sql", "ALTER TABLE notes ADD COLUMN colour TEXT;");
    private static readonly (string, string) Broken = ("0003-broken.sql", "CREATE TABLE halves (id TEXT PRIMARY KEY); CREATE TABLE notes (id TEXT);");

    public static TheoryData<SqlEngine> Engines => Databases.Engines;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static Task MigrateAsync(SqlDatabase store, params (string, string)[] scripts) =>
        SqlMigrations.ApplyAsync(store, new Scripts(scripts), TimeProvider.System, Cancel);

    private static async Task<string> VersionsAsync(SqlDatabase store)
    {
        await using var connection = await store.OpenAsync(Cancel);
        return string.Join(' ', await connection.QueryAsync<long>("SELECT version FROM schema_version ORDER BY version"));
    }

    private static async Task<int> InsertAsync(SqlDatabase store, string id) => await store.WriteAsync((connection, transaction) =>
        connection.ExecuteAsync("INSERT INTO notes (id, body, at, done) VALUES (@id, 'x', 1, @done)", new { id, done = true }, transaction), Cancel);

    private static async Task<string[]> IdsAsync(SqlDatabase store)
    {
        await using var connection = await store.OpenAsync(Cancel);
        return [.. await connection.QueryAsync<string>("SELECT id FROM notes ORDER BY id")];
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_fresh_database_gets_all_changes_in_order_and_an_older_one_only_the_missing(SqlEngine engine)
    {
        await using var database = await Databases.CreateAsync(engine);
        await using var store = database.Open("test");

        await MigrateAsync(store, Notes);
        await InsertAsync(store, "before");
        await MigrateAsync(store, Colours, Notes);
        await MigrateAsync(store, Notes, Colours);

        Assert.Equal("1 2", await VersionsAsync(store));
        await using var connection = await store.OpenAsync(Cancel);
        Assert.Equal(1, await connection.ExecuteAsync("UPDATE notes SET colour = 'red'"));
        Assert.Equal(["before"], await IdsAsync(store));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Instances_that_start_at_once_migrate_one_after_the_other(SqlEngine engine)
    {
        await using var database = await Databases.CreateAsync(engine);

        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
        {
            await using var store = database.Open("test");
            await MigrateAsync(store, Notes, Colours);
        })));

        await using var looks = database.Open("test");
        Assert.Equal("1 2", await VersionsAsync(looks));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_change_that_fails_leaves_nothing_of_itself(SqlEngine engine)
    {
        await using var database = await Databases.CreateAsync(engine);
        await using var store = database.Open("test");
        await MigrateAsync(store, Notes);

        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => MigrateAsync(store, Notes, Colours, Broken));

        Assert.Equal("1", await VersionsAsync(store));
        await using var connection = await store.OpenAsync(Cancel);
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => connection.ExecuteAsync("SELECT id FROM halves"));
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => connection.ExecuteAsync("SELECT colour FROM notes"));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_newer_schema_than_the_program_knows_is_refused_and_left_alone(SqlEngine engine)
    {
        await using var database = await Databases.CreateAsync(engine);
        await using var store = database.Open("test");
        await MigrateAsync(store, Notes, Colours);

        var failure = await Assert.ThrowsAsync<MeshStartException>(() => MigrateAsync(store, Notes));

        Assert.Equal("the database has schema 2, this program knows 1: run a newer version of the program.", failure.Message);
        Assert.Equal("1 2", await VersionsAsync(store));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_write_that_throws_or_is_cancelled_is_rolled_back(SqlEngine engine)
    {
        await using var database = await Databases.CreateAsync(engine);
        await using var store = database.Open("test");
        await MigrateAsync(store, Notes);
        await InsertAsync(store, "kept");

        await Assert.ThrowsAsync<InvalidOperationException>(() => store.WriteAsync<int>(async (connection, transaction) =>
        {
            await connection.ExecuteAsync("INSERT INTO notes (id, body, at, done) VALUES ('lost', 'x', 1, @done)", new { done = false }, transaction);
            await connection.ExecuteAsync("DELETE FROM notes WHERE id = 'kept'", null, transaction);
            throw new InvalidOperationException("half-way");
        }, Cancel));
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.WriteAsync(async (connection, transaction) =>
        {
            await connection.ExecuteAsync("DELETE FROM notes", null, transaction);
            await stop.CancelAsync();
            return 0;
        }, stop.Token));

        Assert.Equal(["kept"], await IdsAsync(store));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Writers_at_once_all_get_their_turn_and_one_of_many_wins_a_unique_name(SqlEngine engine)
    {
        await using var database = await Databases.CreateAsync(engine);
        await using var store = database.Open("test");
        await MigrateAsync(store, Notes);

        var different = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(() => InsertAsync(store, $"n{i:00}"))));
        var same = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => store.WriteAsync((connection, transaction) =>
            connection.ExecuteAsync("INSERT INTO notes (id, body, at, done) VALUES ('one', 'x', 1, @done) ON CONFLICT (id) DO NOTHING", new { done = true }, transaction), Cancel))));

        Assert.All(different, rows => Assert.Equal(1, rows));
        Assert.Equal(1, same.Sum());
        Assert.Equal(21, (await IdsAsync(store)).Length);
    }

    [Fact]
    public async Task What_was_committed_to_sqlite_is_in_the_files_before_the_answer()
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);
        await using var store = database.Open("test");
        await MigrateAsync(store, Notes);
        await using var held = await store.OpenAsync(Cancel); // an open connection: nothing is tidied up as at an orderly end

        await InsertAsync(store, "paid");
        using var crashed = new TemporaryFolder();
        foreach (var file in Directory.GetFiles(database.Data, "test.db*").Where(file => !file.EndsWith("-shm", StringComparison.Ordinal)))
            File.Copy(file, Path.Combine(crashed.Path, Path.GetFileName(file)));

        Assert.Equal("wal", await held.ExecuteScalarAsync<string>("PRAGMA journal_mode"));
        Assert.Equal(2, await held.ExecuteScalarAsync<long>("PRAGMA synchronous")); // FULL
        await using var after = SqlDatabase.Sqlite(Path.Combine(crashed.Path, "test.db"));
        Assert.Equal(["paid"], await IdsAsync(after));
    }

    [Fact]
    public async Task The_files_of_sqlite_are_for_their_owner_alone()
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);
        await using var store = database.Open("test");
        await MigrateAsync(store, Notes);
        await using var held = await store.OpenAsync(Cancel);
        await InsertAsync(store, "secret");

        if (OperatingSystem.IsWindows()) return;
        foreach (var file in Directory.GetFiles(database.Data))
            Assert.Equal((file, UnixFileMode.UserRead | UnixFileMode.UserWrite), (file, File.GetUnixFileMode(file)));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_service_migrates_before_it_serves_and_reports_the_database_in_its_health(SqlEngine engine)
    {
        await using var database = await Databases.CreateAsync(engine);
        await using var service = await Service.StartAsync(_ => { }, database.Settings(("mesh:health:details", "true")), builder => builder.AddMeshStore("test", new Scripts(Notes)));

        Assert.Equal(1, await InsertAsync(service.Services.GetRequiredService<SqlDatabase>(), "x"));
        var component = (await service.GetAsync("/actuator/health")).Json.GetProperty("components").GetProperty("db");
        Assert.Equal("UP", component.GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_database_that_cannot_be_used_stops_the_start_with_one_line()
    {
        using var folder = new TemporaryFolder();
        var blocked = folder.Write("blocked", "a file where the folder should be");

        var noFolder = await Assert.ThrowsAsync<MeshStartException>(() => Service.StartAsync(
            _ => { }, [new("mesh:data", blocked)], builder => builder.AddMeshStore("test", new Scripts(Notes))));
        File.WriteAllText(Path.Combine(folder.Path, "test.db"), new string('x', 5000));
        var noDatabase = await Assert.ThrowsAsync<MeshStartException>(() => Service.StartAsync(
            _ => { }, [new("mesh:data", folder.Path)], builder => builder.AddMeshStore("test", new Scripts(Notes))));
        var nothing = await Assert.ThrowsAsync<MeshStartException>(() => Service.StartAsync(
            _ => { }, null, builder => builder.AddMeshStore("test", new Scripts(Notes))));

        Assert.StartsWith($"the data folder {blocked} cannot be written", noFolder.Message);
        Assert.StartsWith("the database cannot be used: SQLite Error 26: 'file is not a database'", noDatabase.Message);
        Assert.StartsWith("mesh:data (MESH__DATA) must name a folder", nothing.Message);
    }

    [Fact]
    public async Task An_existing_database_that_others_could_read_is_closed_to_them()
    {
        if (OperatingSystem.IsWindows()) return;
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);
        await using (var store = database.Open("test")) await MigrateAsync(store, Notes);
        var file = Path.Combine(database.Data, "test.db");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);

        await using var again = database.Open("test");
        await InsertAsync(again, "secret");

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    /// <summary>An assembly that embeds these scripts and nothing else.</summary>
    internal sealed class Scripts(params (string Name, string Sql)[] scripts) : Assembly
    {
        public override string[] GetManifestResourceNames() => [.. scripts.Select(script => "Sample.Storage.Migrations." + script.Name), "Sample.other.txt"];

        public override Stream? GetManifestResourceStream(string name) =>
            new MemoryStream(Encoding.UTF8.GetBytes(scripts.Single(script => name.EndsWith("." + script.Name, StringComparison.Ordinal)).Sql));
    }
}
