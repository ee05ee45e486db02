using Dapper;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Pruning;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Storage;

public sealed class PruningTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_12_families_are_deleted_when_they_have_ended_or_were_revoked_a_day_ago(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var start = auth.Clock.GetUtcNow();
        await AddAsync(auth, "kept", start, idle: TimeSpan.FromDays(14), absolute: TimeSpan.FromDays(30));
        await AddAsync(auth, "ended", start, idle: TimeSpan.FromHours(1), absolute: TimeSpan.FromHours(1));
        await AddAsync(auth, "unused", start, idle: TimeSpan.FromHours(1), absolute: TimeSpan.FromDays(30));
        await AddAsync(auth, "used", start, idle: TimeSpan.FromHours(1), absolute: TimeSpan.FromDays(30));
        await AddAsync(auth, "revoked", start, idle: TimeSpan.FromDays(14), absolute: TimeSpan.FromDays(30));
        var store = auth.Services.GetRequiredService<IRefreshTokens>();
        Assert.True(await store.TryRotateAsync("used-1", new RefreshToken("used-2", 2, start, start.AddDays(14), null, null, false), "sealed", start, Cancel));
        await store.RevokeAsync("revoked", "test", start, Cancel);

        await PruneAsync(auth, start.AddHours(1));
        Assert.Equal(["ended", "kept", "revoked", "unused", "used"], await FamiliesAsync(auth));
        await PruneAsync(auth, start.AddHours(1).AddMinutes(5));
        Assert.Equal(["kept", "revoked", "used"], await FamiliesAsync(auth));
        await PruneAsync(auth, start.AddDays(1));
        Assert.Equal(["kept", "used"], await FamiliesAsync(auth));
        await PruneAsync(auth, start.AddDays(14).AddMinutes(5));
        Assert.Empty(await FamiliesAsync(auth));
        Assert.Equal(0, await CountAsync(auth, "SELECT COUNT(*) FROM refresh_tokens"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_12_many_families_and_long_ones_are_deleted_in_batches(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var start = auth.Clock.GetUtcNow();
        await AddAsync(auth, "long", start, TimeSpan.FromHours(1), TimeSpan.FromHours(1));
        await auth.ExecuteAsync(
            """
            INSERT INTO refresh_families (family_id, zone_id, client_id, user_id, scopes, resources, grant_type, client_auth_method, auth_time, rev_sig, created_at, expires_at, revoked_at, revoked_because)
            SELECT family_id || n, zone_id, client_id, user_id, scopes, resources, grant_type, client_auth_method, auth_time, rev_sig, created_at, expires_at, revoked_at, revoked_because
            FROM refresh_families CROSS JOIN (WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1200) SELECT n FROM s) AS series
            """);
        await auth.ExecuteAsync(
            """
            INSERT INTO refresh_tokens (token_hash, zone_id, family_id, generation, issued_at, expires_at, consumed_at)
            SELECT 'used' || n, 'uaa', 'long', n, 0, 0, 1 FROM (WITH RECURSIVE s(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM s WHERE n < 1800) SELECT n FROM s) AS series
            """);
        var families = auth.Services.GetServices<IPrunable>().First();

        Assert.False(await families.PruneAsync(start.AddHours(2), Cancel));
        Assert.Equal(701, (await FamiliesAsync(auth)).Length);
        Assert.False(await families.PruneAsync(start.AddHours(2), Cancel));
        Assert.True(await families.PruneAsync(start.AddHours(2), Cancel));
        Assert.Empty(await FamiliesAsync(auth));
        Assert.Equal(0, await CountAsync(auth, "SELECT COUNT(*) FROM refresh_tokens"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task Keys_of_registrations_are_forgotten_when_they_can_be_undone_no_longer(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var created = auth.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        await auth.ExecuteAsync($"UPDATE users SET registration_client = 'account-service', registration_key_hash = 'key', created_at = {created}");
        var users = await CountAsync(auth, "SELECT COUNT(*) FROM users");

        await PruneAsync(auth, auth.Clock.GetUtcNow().AddDays(7).AddSeconds(-1));
        Assert.Equal(users, await CountAsync(auth, "SELECT COUNT(*) FROM users WHERE registration_key_hash = 'key'"));
        await PruneAsync(auth, auth.Clock.GetUtcNow().AddDays(7));
        Assert.Equal(users, await CountAsync(auth, "SELECT COUNT(*) FROM users WHERE registration_key_hash IS NULL AND registration_client IS NULL"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task One_sign_in_too_many_ends_the_oldest_of_the_same_user_and_client(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine, ("auth:token:sessionsPerUserAndClient", "2"));
        var first = await auth.SignInAsync();
        auth.Clock.Advance(TimeSpan.FromSeconds(1));
        var second = await auth.SignInAsync();
        auth.Clock.Advance(TimeSpan.FromSeconds(1));
        first = await auth.RefreshAsync(first.RefreshToken);
        Assert.Equal(200, first.Status);
        await AddAsync(auth, "of another user", auth.Clock.GetUtcNow().AddDays(-1), TimeSpan.FromDays(2), TimeSpan.FromDays(2));
        auth.Clock.Advance(TimeSpan.FromSeconds(1));

        var third = await auth.SignInAsync();

        Assert.Equal(401, (await auth.RefreshAsync(first.RefreshToken)).Status);
        Assert.Equal(200, (await auth.RefreshAsync(second.RefreshToken)).Status);
        Assert.Equal(200, (await auth.RefreshAsync(third.RefreshToken)).Status);
        Assert.Equal(1, await CountAsync(auth, "SELECT COUNT(*) FROM refresh_families WHERE revoked_at IS NOT NULL"));
    }

    [Fact]
    public async Task A_fault_is_logged_and_tried_again_at_the_next_turn_and_does_not_stop_the_others()
    {
        var faulty = new Faulty();
        var clock = new TestClock();
        await using var service = new MeshService<TokenEndpoint>(
            [new("mesh:demo", "false")],
            services => services.AddSingleton<TimeProvider>(clock).AddSingleton<IPrunable>(faulty));
        service.Start();

        for (var i = 0; i < 500 && faulty.Turns < 3; i++)
        {
            clock.Advance(TimeSpan.FromMinutes(11));
            await Task.Delay(20, Cancel);
        }

        Assert.InRange(faulty.Turns, 3, int.MaxValue);
        Assert.Contains(service.Logs, line => line.StartsWith("Error", StringComparison.Ordinal) && line.Contains("The faulty rows were not pruned", StringComparison.Ordinal));
        Assert.Equal(200, (int)(await service.Http.GetAsync(new Uri("uaa/healthz", UriKind.Relative), Cancel)).StatusCode);
    }

    [Fact]
    public async Task The_pruning_runs_by_itself()
    {
        await using var auth = await DemoAuth.StartAsync();
        await AddAsync(auth, "ended", auth.Clock.GetUtcNow(), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));

        for (var i = 0; i < 500 && (await FamiliesAsync(auth)).Length > 0; i++)
        {
            auth.Clock.Advance(TimeSpan.FromMinutes(11));
            await Task.Delay(20, Cancel);
        }

        Assert.Empty(await FamiliesAsync(auth));
    }

    private static async Task PruneAsync(DemoAuth auth, DateTimeOffset now)
    {
        foreach (var prunable in auth.Services.GetServices<IPrunable>()) Assert.True(await prunable.PruneAsync(now, Cancel));
    }

    private static Task AddAsync(DemoAuth auth, string id, DateTimeOffset now, TimeSpan idle, TimeSpan absolute)
    {
        var family = new RefreshFamily
        {
            Id = id,
            ZoneId = "uaa",
            ClientId = "browser",
            UserId = "user",
            Scopes = ["ui"],
            Resources = [],
            GrantType = "password",
            AuthTime = now,
            RevSig = "sig",
            CreatedAt = now,
            ExpiresAt = now + absolute,
        };
        var token = new RefreshToken(id + "-1", 1, now, now + idle, null, null, false);
        return auth.Services.GetRequiredService<IRefreshTokens>().StartAsync(family, token, 200, Cancel);
    }

    private static async Task<string[]> FamiliesAsync(DemoAuth auth)
    {
        await using var database = auth.Database.Open("auth");
        await using var connection = await database.OpenAsync(Cancel);
        return [.. (await connection.QueryAsync<string>("SELECT family_id FROM refresh_families")).Order(StringComparer.Ordinal)];
    }

    private static async Task<long> CountAsync(DemoAuth auth, string sql)
    {
        await using var database = auth.Database.Open("auth");
        await using var connection = await database.OpenAsync(Cancel);
        return await connection.ExecuteScalarAsync<long>(sql);
    }

    private sealed class Faulty : IPrunable
    {
        private int _turns;

        public int Turns => Volatile.Read(ref _turns);

        public string Rows => "faulty rows";

        public Task<bool> PruneAsync(DateTimeOffset now, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _turns);
            throw new InvalidOperationException("on purpose");
        }
    }
}
