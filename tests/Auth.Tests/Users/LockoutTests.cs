using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Users;

public sealed class LockoutTests
{
    private const string Locked = """{"error":"unauthorized","error_description":"Your account has been locked because of too many failed attempts to login."}""";

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task K_17_five_failures_lock_for_300_seconds_and_attempts_do_not_extend_it(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        for (var i = 0; i < 5; i++) Assert.Equal("invalid_client", (await auth.SignInAsync(password: "wrong")).Text("error"));

        var right = await auth.SignInAsync();
        Assert.Equal(401, right.Status);
        Assert.Equal(Locked, right.Body);
        auth.Clock.Advance(TimeSpan.FromSeconds(299));
        Assert.Equal(Locked, (await auth.SignInAsync()).Body);
        auth.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(200, (await auth.SignInAsync()).Status);
    }

    [Fact]
    public async Task After_the_lock_counting_starts_again()
    {
        await using var auth = await DemoAuth.StartAsync();
        await FailAsync(auth, 5);
        auth.Clock.Advance(TimeSpan.FromSeconds(300));

        await FailAsync(auth, 4);

        Assert.Equal(200, (await auth.SignInAsync()).Status);
    }

    [Fact]
    public async Task Counting_starts_again_after_a_success_and_after_1200_seconds()
    {
        await using var auth = await DemoAuth.StartAsync();
        await FailAsync(auth, 4);
        Assert.Equal(200, (await auth.SignInAsync()).Status);
        await FailAsync(auth, 4);
        auth.Clock.Advance(TimeSpan.FromSeconds(1200));
        await FailAsync(auth, 4);

        Assert.Equal(200, (await auth.SignInAsync()).Status);
    }

    [Fact]
    public async Task An_unknown_name_is_locked_in_the_same_way()
    {
        await using var auth = await DemoAuth.StartAsync();
        for (var i = 0; i < 5; i++) Assert.Equal("invalid_client", (await auth.SignInAsync("nobody", "wrong")).Text("error"));

        Assert.Equal(Locked, (await auth.SignInAsync("NoBody", "wrong")).Body);
        Assert.Equal(200, (await auth.SignInAsync()).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task V_046_of_thirty_wrong_passwords_at_once_five_are_evaluated(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);

        var replies = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => auth.SignInAsync(i % 2 == 0 ? "demo" : "DEMO", "wrong" + i)));

        Assert.Equal(5, replies.Count(reply => reply.Text("error") == "invalid_client"));
        Assert.Equal(25, replies.Count(reply => reply.Body == Locked));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task Twenty_right_passwords_at_once_all_sign_in(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);

        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => auth.SignInAsync()));

        Assert.All(replies, reply => Assert.Equal(200, reply.Status));
    }

    [Fact]
    public async Task The_policy_is_a_setting()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:users:lockout:afterFailures", "2"), ("auth:users:lockout:period", "10s"));
        await FailAsync(auth, 2);

        Assert.Equal(Locked, (await auth.SignInAsync()).Body);
        auth.Clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(200, (await auth.SignInAsync()).Status);
    }

    [Fact]
    public async Task An_overflow_of_sign_ins_is_a_503_with_retry_after_and_locks_nobody()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:hashing:workers", "1"), ("auth:hashing:queue", "8"));

        var replies = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => auth.SignInAsync("nobody" + i, "wrong")));

        var busy = replies.Where(reply => reply.Status == 503).ToArray();
        Assert.NotEmpty(busy);
        Assert.All(busy, reply => Assert.Equal("1", reply.Headers.GetValues("Retry-After").Single()));
        Assert.All(replies.Except(busy), reply => Assert.Equal(401, reply.Status));
        Assert.Equal(200, (await auth.SignInAsync()).Status);
        await using var database = auth.Database.Open("auth");
        await using var connection = await database.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT COALESCE(SUM(failures), 0) FROM sign_in_failures";
        Assert.Equal(replies.Length - busy.Length, Convert.ToInt32(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken), null));
    }

    private static async Task FailAsync(DemoAuth auth, int times)
    {
        for (var i = 0; i < times; i++) Assert.Equal("invalid_client", (await auth.SignInAsync(password: "wrong")).Text("error"));
    }
}
