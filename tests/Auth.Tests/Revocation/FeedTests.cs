using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Revocation;

/// <summary>The feed that gateways and services follow.</summary>
public sealed class FeedTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_13_a_follower_hears_each_kind_of_revocation_as_it_happens(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        await using var follower = await Follower.JoinAsync(auth);
        var head = await follower.NextAsync("head");
        Assert.Equal(0, head.GetProperty("sequence").GetInt64());
        Assert.Equal(auth.Clock.GetUtcNow().ToUnixTimeMilliseconds(), head.GetProperty("time").GetDateTimeOffset().ToUnixTimeMilliseconds());

        foreach (var kind in Enum.GetValues<RevocationKind>()) await AddAsync(auth, kind, "one\ntwo");

        var second = auth.Clock.GetUtcNow().ToUnixTimeSeconds();
        foreach (var (kind, i) in new[] { "token", "grant", "session", "user", "client", "key", "zone" }.Select((kind, i) => (kind, i)))
        {
            var data = await follower.NextAsync("revocation");
            var notBefore = kind is "user" or "client" or "zone" ? (second + 1).ToString(null, null) : "null";
            Assert.Equal(
                $$"""{"sequence":{{i + 1}},"kind":"{{kind}}","subject":"one\ntwo","clientId":null,"notBefore":{{notBefore}},"expiresAt":{{second + 3601}},"zone":"uaa"}""",
                data.GetRawText().Replace("\\u000A", "\\n", StringComparison.Ordinal));
        }
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_follower_gets_what_it_has_missed_from_the_number_it_names(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        for (var i = 1; i <= 5; i++) await AddAsync(auth, RevocationKind.Token, "t" + i);
        await auth.RestartAsync();

        await using (var follower = await Follower.JoinAsync(auth, after: 2))
        {
            Assert.Equal(5, (await follower.NextAsync("head")).GetProperty("sequence").GetInt64());
            for (var i = 3; i <= 5; i++) Assert.Equal("t" + i, (await follower.NextAsync("revocation")).GetProperty("subject").GetString());
            await AddAsync(auth, RevocationKind.Token, "t6");
            Assert.Equal("t6", (await follower.NextAsync("revocation")).GetProperty("subject").GetString());
        }
        await using var again = await Follower.JoinAsync(auth, after: 1, lastEventId: "5");
        await again.NextAsync("head");
        Assert.Equal("t6", (await again.NextAsync("revocation")).GetProperty("subject").GetString());
    }

    [Fact]
    public async Task Far_more_than_memory_holds_is_read_from_the_database_in_order()
    {
        await using var auth = await DemoAuth.StartAsync();
        var until = auth.Clock.GetUtcNow().AddHours(1).ToUnixTimeMilliseconds();
        await auth.ExecuteAsync(
            $"""
            INSERT INTO revocations (sequence, zone_id, kind, subject, because, created_at, expires_at)
            SELECT n, 'uaa', 'token', 't' || n, '', 0, {until} FROM (WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 6000) SELECT n FROM s) AS series
            """);
        await auth.ExecuteAsync("UPDATE revocation_sequence SET last = 6000");
        await AddAsync(auth, RevocationKind.Token, "t6001");

        await using var follower = await Follower.JoinAsync(auth, after: 0);
        await follower.NextAsync("head");
        for (var i = 1; i <= 6001; i++) Assert.Equal("t" + i, (await follower.NextAsync("revocation")).GetProperty("subject").GetString());
    }

    [Fact]
    public async Task A_follower_of_any_instance_hears_all_in_order_without_gaps()
    {
        await using var one = await DemoAuth.StartAsync(SqlEngine.PostgreSql);
        await using var two = await one.AnotherAsync();
        await using var atOne = await Follower.JoinAsync(one);
        await using var atTwo = await Follower.JoinAsync(two);
        await atOne.NextAsync("head");
        await atTwo.NextAsync("head");

        var writers = Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; i < 25; i++) await AddAsync(writer % 2 == 0 ? one : two, RevocationKind.Token, $"{writer}.{i}");
        }, Cancel)).ToArray();

        foreach (var follower in new[] { atOne, atTwo })
        {
            var subjects = new List<string>();
            for (var i = 1; i <= 200; i++)
            {
                var data = await follower.NextAsync("revocation");
                Assert.Equal(i, data.GetProperty("sequence").GetInt64());
                subjects.Add(data.GetProperty("subject").GetString()!);
            }
            Assert.Equal(200, subjects.Distinct().Count());
            for (var writer = 0; writer < 8; writer++)
                Assert.Equal(Enumerable.Range(0, 25), subjects.Where(s => s.StartsWith($"{writer}.", StringComparison.Ordinal)).Select(s => int.Parse(s.Split('.')[1], null)));
        }
        await Task.WhenAll(writers);
    }

    [Fact]
    public async Task What_happens_while_the_listener_is_cut_off_is_made_up_for()
    {
        await using var one = await DemoAuth.StartAsync(SqlEngine.PostgreSql);
        await using var two = await one.AnotherAsync();
        await using var follower = await Follower.JoinAsync(two);
        await follower.NextAsync("head");
        await AddAsync(one, RevocationKind.Token, "before");
        Assert.Equal("before", (await follower.NextAsync("revocation")).GetProperty("subject").GetString());

        await InvalidationTests.KillListenersAsync(one);
        await AddAsync(one, RevocationKind.Token, "meanwhile");

        Assert.Equal("meanwhile", (await follower.NextAsync("revocation")).GetProperty("subject").GetString());
    }

    [Fact]
    public async Task A_heartbeat_tells_that_all_is_well_and_the_stream_ends_with_its_token()
    {
        await using var auth = await DemoAuth.StartAsync();
        await AddAsync(auth, RevocationKind.Token, "t");
        await using var follower = await Follower.JoinAsync(auth, after: 0);
        await follower.NextAsync("head");
        await follower.NextAsync("revocation");

        Assert.Equal(1, (await BeatAsync(auth, follower, TimeSpan.FromSeconds(3))).Data.GetProperty("sequence").GetInt64());
        ServerEvent last;
        do last = await BeatAsync(auth, follower, TimeSpan.FromSeconds(200)); while (last.Name == "heartbeat");
        Assert.Equal("end", last.Name);
        Assert.Equal("token", last.Data.GetProperty("reason").GetString());
        Assert.Null(await follower.NextAsync());
    }

    [Fact]
    public async Task The_stream_ends_at_once_when_its_token_is_revoked()
    {
        await using var auth = await DemoAuth.StartAsync();
        var token = await Follower.TokenAsync(auth);
        await using var follower = await Follower.JoinAsync(auth, token: token);
        await follower.NextAsync("head");

        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", "account-service:account-secret", ("token", token))).Status);

        // The token, and what was exchanged for it.
        for (var i = 0; i < 2; i++) await follower.NextAsync("revocation");
        Assert.Equal("token", (await follower.NextAsync("end")).GetProperty("reason").GetString());
        Assert.Null(await follower.NextAsync());
    }

    [Fact]
    public async Task The_stream_ends_when_the_service_stops()
    {
        await using var auth = await DemoAuth.StartAsync();
        await using var follower = await Follower.JoinAsync(auth);
        await follower.NextAsync("head");

        var restart = auth.RestartAsync();

        Assert.Equal("stopping", (await follower.NextAsync("end")).GetProperty("reason").GetString());
        await restart;
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task Who_was_away_for_too_long_or_asks_for_another_life_is_told_to_begin_anew(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        await AddAsync(auth, RevocationKind.Token, "old");
        auth.Clock.Advance(TimeSpan.FromHours(2));
        await AddAsync(auth, RevocationKind.Token, "young");
        foreach (var prunable in auth.Services.GetServices<Auth.Pruning.IPrunable>()) await prunable.PruneAsync(auth.Clock.GetUtcNow(), Cancel);

        await auth.RestartAsync();

        foreach (var after in new long[] { 0, 99 })
        {
            await using var follower = await Follower.JoinAsync(auth, after);
            await follower.NextAsync("head");
            Assert.Equal(2, (await follower.NextAsync("reset")).GetProperty("sequence").GetInt64());
            Assert.Equal("young", (await follower.NextAsync("revocation")).GetProperty("subject").GetString());
        }
        await using var present = await Follower.JoinAsync(auth, 1);
        await present.NextAsync("head");
        Assert.Equal("young", (await present.NextAsync("revocation")).GetProperty("subject").GetString());
    }

    [Fact]
    public async Task Only_clients_with_the_scope_may_follow_and_no_more_than_the_service_bears()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:revocation:followers", "1"));
        Assert.Equal(401, await StatusAsync(auth, null));
        Assert.Equal(401, await StatusAsync(auth, "x"));
        Assert.Equal(403, await StatusAsync(auth, await auth.ServerTokenAsync()));
        Assert.Equal(403, await StatusAsync(auth, (await auth.SignInAsync()).AccessToken));
        var token = await Follower.TokenAsync(auth);
        foreach (var bad in new[] { "-1", "x", "1.5", "99999999999999999999", "" }) Assert.Equal(400, await StatusAsync(auth, token, bad));

        var first = await Follower.JoinAsync(auth);
        await first.NextAsync("head");
        using (var refused = await Follower.SendAsync(auth, token))
        {
            Assert.Equal(503, (int)refused.StatusCode);
            Assert.Equal("5", refused.Headers.GetValues("Retry-After").Single());
        }
        await first.DisposeAsync();
        // The place is free as soon as the service has noticed that the connection is closed.
        var since = TimeProvider.System.GetTimestamp();
        while (await StatusAsync(auth, token) != 200)
        {
            Assert.InRange(TimeProvider.System.GetElapsedTime(since), TimeSpan.Zero, TimeSpan.FromSeconds(30));
            await Task.Delay(20, Cancel);
        }
    }

    private static async Task<int> StatusAsync(DemoAuth auth, string? token, string? after = null)
    {
        using var response = await Follower.SendAsync(auth, token, after);
        return (int)response.StatusCode;
    }

    // The stream may not have come to its pause yet: the clock is moved until something comes.
    private static async Task<ServerEvent> BeatAsync(DemoAuth auth, Follower follower, TimeSpan by)
    {
        var next = follower.NextAsync();
        for (var round = 0; !next.IsCompleted && round < 100; round++)
        {
            auth.Clock.Advance(by);
            await Task.WhenAny(next, Task.Delay(20, Cancel));
        }
        return (await next)!;
    }

    private static Task AddAsync(DemoAuth auth, RevocationKind kind, string subject) => auth.Services.GetRequiredService<IRevocations>().AddAsync(
        new RevocationEvent { Kind = kind, Subject = subject, ExpiresAt = DateTimeOffset.FromUnixTimeSeconds(auth.Clock.GetUtcNow().ToUnixTimeSeconds() + 3601), Because = "test" }, Cancel);
}
