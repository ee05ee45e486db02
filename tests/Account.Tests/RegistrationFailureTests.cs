using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Account.Tests;

/// <summary>From outside, a registration happens in both places or in neither.</summary>
public sealed class RegistrationFailureTests
{
    private static readonly TimeSpan AuthTimeout = TimeSpan.FromSeconds(4);

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_user_who_exists_at_auth_keeps_the_name(SqlEngine engine)
    {
        await using var mesh = await AccountMesh.StartAsync(engine);
        mesh.Auth.Users["alice1"] = ("another", "another");

        var answer = await mesh.RegisterAsync(AccountMesh.Alice);

        Assert.Equal((400, ""), (answer.Status, answer.Body));
        Assert.Equal("another", mesh.Auth.Users["alice1"].Password);
        Assert.Equal(0, await mesh.QueryAsync<long>("SELECT COUNT(*) FROM accounts"));
    }

    [Fact]
    public async Task What_auth_does_not_accept_is_the_callers_fault_and_leaves_the_name_free()
    {
        await using var mesh = await AccountMesh.StartAsync();
        mesh.Auth.Creates.Enqueue(Auth.Refuses400);

        var refused = await mesh.RegisterAsync(AccountMesh.Alice);

        Assert.Equal((400, "invalid_request"), (refused.Status, refused.Error));
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);
    }

    [Fact]
    public async Task A_service_that_auth_forbids_to_create_users_answers_503_and_leaves_the_name_free()
    {
        await using var mesh = await AccountMesh.StartAsync();
        mesh.Auth.Creates.Enqueue(Auth.Refuses403);
        mesh.Auth.Creates.Enqueue(Auth.Refuses403);

        AssertUnavailable(await mesh.RegisterAsync(AccountMesh.Alice));

        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);
    }

    [Theory]
    [InlineData(Auth.Fails)]
    [InlineData(Auth.WorksButAnswers500)]
    [InlineData(Auth.WorksButDropsTheConnection)]
    public async Task One_failure_of_auth_is_mended_by_asking_again_with_the_same_key(Auth failure)
    {
        await using var mesh = await AccountMesh.StartAsync();
        mesh.Auth.Creates.Enqueue(failure);

        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);

        Assert.Equal(["POST", "POST"], mesh.Auth.Seen.Select(request => request.Method));
        Assert.Single(mesh.Auth.Seen.Select(request => request.Key).Distinct());
        Assert.Single(mesh.Auth.Users);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task When_auth_does_not_say_whether_it_worked_the_user_is_taken_back(SqlEngine engine)
    {
        await using var mesh = await AccountMesh.StartAsync(engine);
        mesh.Auth.Creates.Enqueue(Auth.WorksButAnswers500);
        mesh.Auth.Creates.Enqueue(Auth.Fails);

        AssertUnavailable(await mesh.RegisterAsync(AccountMesh.Alice));

        Assert.Empty(mesh.Auth.Users);
        Assert.Equal(["POST", "POST", "DELETE"], mesh.Auth.Seen.Select(request => request.Method));
        Assert.Single(mesh.Auth.Seen.Select(request => request.Key).Distinct());
        (await mesh.GetAsync("/accounts/alice1", mesh.Server())).Expect(404);
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);
    }

    [Fact]
    public async Task A_user_whom_auth_creates_after_nobody_waited_any_more_is_taken_back_too()
    {
        await using var mesh = await AccountMesh.StartAsync();
        mesh.Auth.Creates.Enqueue(Auth.WorksButDropsTheConnection);
        mesh.Auth.Creates.Enqueue(Auth.WorksButDropsTheConnection);

        var answer = await mesh.RegisterAsync(AccountMesh.Alice);

        AssertUnavailable(answer);
        Assert.Equal(75, answer.Message.Headers.RetryAfter!.Delta!.Value.TotalSeconds);
        Assert.Empty(mesh.Auth.Users);
        mesh.Auth.Users["alice1"] = ("secret1", mesh.Auth.Seen.First().Key); // late
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(400);
        mesh.Clock.Advance(TimeSpan.FromSeconds(75));
        await AccountMesh.EventuallyAsync(async () => await mesh.QueryAsync<long>("SELECT COUNT(*) FROM accounts") == 0);
        Assert.Empty(mesh.Auth.Users);
    }

    [Fact]
    public async Task A_refusal_after_an_unknown_outcome_does_not_hide_that_the_user_may_exist()
    {
        await using var mesh = await AccountMesh.StartAsync();
        mesh.Auth.Creates.Enqueue(Auth.WorksButAnswers500);
        mesh.Auth.Creates.Enqueue(Auth.Refuses400);

        AssertUnavailable(await mesh.RegisterAsync(AccountMesh.Alice));

        Assert.Empty(mesh.Auth.Users);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task When_auth_hangs_the_caller_is_told_in_time_and_the_rest_is_undone_later(SqlEngine engine)
    {
        await using var mesh = await AccountMesh.StartAsync(engine);
        mesh.Auth.Creates.Enqueue(Auth.WorksButHangs);
        mesh.Auth.Creates.Enqueue(Auth.Hangs);
        mesh.Auth.Deletes.Enqueue(Auth.Hangs);

        var registering = mesh.RegisterAsync(AccountMesh.Alice);
        foreach (var method in new[] { "POST", "POST", "DELETE" })
        {
            Assert.Equal(method, await mesh.Auth.NextRequestAsync());
            mesh.Clock.Advance(AuthTimeout);
        }
        AssertUnavailable(await registering);

        // Half done: reserved, and invisible to all.
        Assert.Single(mesh.Auth.Users);
        (await mesh.GetAsync("/accounts/current", mesh.User("alice1"))).Expect(404);
        (await mesh.GetAsync("/accounts/alice1", mesh.Server())).Expect(404);
        (await mesh.PutAsync($$"""{"saving":{{AccountMesh.Saving}}}""", mesh.User("alice1"))).Expect(400);
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(400);

        mesh.Clock.Advance(TimeSpan.FromSeconds(75));
        await AccountMesh.EventuallyAsync(async () => await mesh.QueryAsync<long>("SELECT COUNT(*) FROM accounts") == 0);
        Assert.Empty(mesh.Auth.Users);
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task What_a_crash_left_half_done_is_undone_after_the_next_start(SqlEngine engine)
    {
        await using var mesh = await AccountMesh.StartAsync(engine);
        await LeaveBehindAsync(mesh, "crashed", mesh.Clock.GetUtcNow());
        await mesh.StopServiceAsync();
        Assert.Single(mesh.Auth.Users);

        mesh.Clock.Advance(TimeSpan.FromSeconds(61));
        mesh.StartService();

        await AccountMesh.EventuallyAsync(async () => await mesh.QueryAsync<long>("SELECT COUNT(*) FROM accounts") == 0);
        Assert.Empty(mesh.Auth.Users);
    }

    [Fact]
    public async Task A_registration_that_may_still_be_running_elsewhere_is_left_alone()
    {
        await using var mesh = await AccountMesh.StartAsync();
        await LeaveBehindAsync(mesh, "running", mesh.Clock.GetUtcNow());
        await LeaveBehindAsync(mesh, "crashed", mesh.Clock.GetUtcNow() - TimeSpan.FromMinutes(2));

        mesh.Clock.Advance(TimeSpan.FromSeconds(15));
        await AccountMesh.EventuallyAsync(() => Task.FromResult(!mesh.Auth.Users.ContainsKey("crashed")));

        Assert.True(mesh.Auth.Users.ContainsKey("running"));
        Assert.Equal("pending", await mesh.QueryAsync<string>("SELECT state FROM accounts WHERE name = 'running'"));
    }

    [Fact]
    public async Task An_account_that_is_being_undone_elsewhere_never_becomes_active()
    {
        await using var mesh = await AccountMesh.StartAsync();
        mesh.Auth.Creates.Enqueue(Auth.WorksButHangs);

        var registering = mesh.RegisterAsync(AccountMesh.Alice);
        await mesh.Auth.NextRequestAsync();
        await mesh.ExecuteAsync("UPDATE accounts SET state = 'undoing'", new { });
        mesh.Clock.Advance(AuthTimeout); // the second attempt works

        AssertUnavailable(await registering);
        Assert.Empty(mesh.Auth.Users);
        Assert.Equal(0, await mesh.QueryAsync<long>("SELECT COUNT(*) FROM accounts"));
    }

    [Fact]
    public async Task While_auth_is_away_registration_is_unavailable_and_accounts_are_served()
    {
        await using var mesh = await AccountMesh.StartAsync();
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);
        (await mesh.GetAsync("/accounts/current", mesh.User("alice1"))).Expect(200);
        await mesh.Auth.StopAsync();

        AssertUnavailable(await mesh.RegisterAsync("""{"username":"bob1","password":"secret1"}"""));

        (await mesh.GetAsync("/accounts/current", mesh.User("alice1"))).Expect(200);
        Assert.Equal(1, await mesh.QueryAsync<long>("SELECT COUNT(*) FROM accounts"));
    }

    private static async Task LeaveBehindAsync(AccountMesh mesh, string name, DateTimeOffset begun)
    {
        mesh.Auth.Users[name] = ("secret1", "key-of-" + name);
        await mesh.ExecuteAsync(
            """
            INSERT INTO accounts (name_key, name, state, registration_key, created_at, last_seen, content, demo)
            VALUES (@name, @name, 'pending', @key, @begun, @begun, '{}', FALSE)
            """,
            new { name, key = "key-of-" + name, begun = begun.ToUnixTimeMilliseconds() });
    }

    private static void AssertUnavailable(Answer answer)
    {
        Assert.Equal((503, "temporarily_unavailable"), (answer.Expect(503).Status, answer.Error));
        Assert.True(answer.Message.Headers.RetryAfter?.Delta > TimeSpan.Zero);
    }
}
