using System.Collections.Concurrent;
using System.Threading.Channels;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Revocation;

/// <summary>What one instance changes, the others must not go on believing.</summary>
public sealed class InvalidationTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_change_is_told_with_its_commit_and_before_the_writer_goes_on(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var invalidations = auth.Services.GetRequiredService<IInvalidations>();
        var database = auth.Services.GetRequiredService<SqlDatabase>();
        var told = new ConcurrentQueue<string?>();
        invalidations.Subscribe(Topics.User, told.Enqueue);
        // What the start changed may still be on its way back from the database.
        invalidations.Subscribe(Topics.Client, id => told.Enqueue(id == "one" ? "another topic" : null));

        await database.WriteAsync(async (connection, transaction) =>
        {
            await invalidations.PublishAsync(connection, transaction, Topics.User, "one");
            Assert.DoesNotContain("one", told);
            return 0;
        }, Cancel);

        Assert.Contains("one", told);
        Assert.DoesNotContain("another topic", told);
        await Assert.ThrowsAsync<InvalidOperationException>(() => database.WriteAsync<int>(async (connection, transaction) =>
        {
            await invalidations.PublishAsync(connection, transaction, Topics.User, "undone");
            throw new InvalidOperationException();
        }, Cancel));
        Assert.DoesNotContain("undone", told);
    }

    [Fact]
    public async Task Another_instance_hears_every_change_and_forgets_everything_when_it_could_not_hear()
    {
        await using var one = await DemoAuth.StartAsync(SqlEngine.PostgreSql);
        await using var two = await one.AnotherAsync();
        var heard = Channel.CreateUnbounded<string?>();
        two.Services.GetRequiredService<IInvalidations>().Subscribe(Topics.Client, id => heard.Writer.TryWrite(id));
        // The listener of the other instance may still be on its way; what is told until then is made up for by the flush.
        await PublishAsync(one, "first");
        Assert.True(await heard.Reader.ReadAsync(Cancel) is "first" or null);
        await PublishAsync(one, "with a space");
        while (await heard.Reader.ReadAsync(Cancel) != "with a space") { }
        await PublishAsync(one, new string('x', 9000));
        Assert.Null(await heard.Reader.ReadAsync(Cancel));

        await KillListenersAsync(one);

        Assert.Null(await heard.Reader.ReadAsync(Cancel));
        await PublishAsync(one, "after");
        while (await heard.Reader.ReadAsync(Cancel) != "after") { }
    }

    [Fact]
    public async Task Instances_of_another_schema_of_the_same_database_hear_nothing()
    {
        await using var one = await DemoAuth.StartAsync(SqlEngine.PostgreSql);
        await using var stranger = await DemoAuth.StartAsync(SqlEngine.PostgreSql);
        await using var two = await one.AnotherAsync();
        var strange = new ConcurrentQueue<string?>();
        var heard = Channel.CreateUnbounded<string?>();
        stranger.Services.GetRequiredService<IInvalidations>().Subscribe(Topics.Key, strange.Enqueue);
        two.Services.GetRequiredService<IInvalidations>().Subscribe(Topics.Key, id => heard.Writer.TryWrite(id));

        await PublishAsync(one, "k", Topics.Key);
        Assert.True(await heard.Reader.ReadAsync(Cancel) is "k" or null);
        Assert.DoesNotContain("k", strange);
    }

    /// <summary>Cuts the connections that listen to this schema's channel, as a restart of the database would.</summary>
    internal static async Task KillListenersAsync(DemoAuth auth)
    {
        await using var connection = new NpgsqlConnection(auth.Database.ConnectionString);
        await connection.OpenAsync(Cancel);
        await connection.ExecuteAsync(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN "securemesh_auth_' || md5(current_schema()) || '"'
            """);
    }

    private static Task<int> PublishAsync(DemoAuth auth, string id, string topic = Topics.Client) =>
        auth.Services.GetRequiredService<SqlDatabase>().WriteAsync(async (connection, transaction) =>
        {
            await auth.Services.GetRequiredService<IInvalidations>().PublishAsync(connection, transaction, topic, id);
            return 0;
        }, Cancel);
}
