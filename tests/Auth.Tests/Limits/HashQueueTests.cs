using System.Net;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Tests.Limits;

/// <summary>Who waits for whom before the slow hashes.</summary>
public sealed class HashQueueTests
{
    private static readonly (string, string)[] Grant = [("grant_type", "client_credentials")];

    [Fact]
    public async Task Hashing_threads_stand_behind_all_others()
    {
        using var lane = new HashLane("lane of a test", workers: 1, queue: 1);
        using (var place = lane.TryReserve()!) await place.RunAsync("secret", 1, new byte[16], 32);

        // proc(5): the nice value is the 17th field after the name, which may hold spaces and ends with a bracket.
        var nice = Directory.EnumerateDirectories("/proc/self/task")
            .Where(task => File.ReadAllText(Path.Combine(task, "comm")).StartsWith("lane of a test", StringComparison.Ordinal))
            .Select(task => File.ReadAllText(Path.Combine(task, "stat"))).Select(stat => stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[16]);

        Assert.Equal(["10"], nice);
    }

    [Fact]
    public async Task Unknown_clients_take_no_place_of_users_and_of_known_clients()
    {
        await using var auth = await DemoAuth.StartAsync();
        var slow = auth.Services.GetRequiredService<SlowHash>();
        var taken = TakeAll(() => slow.ReserveForClient(chosen: false));

        foreach (var stranger in new[] { "x:y", "browser:secret", "mesh-cli:secret" })
        {
            var refused = await auth.TokenAsync(stranger, Grant);
            Assert.Equal(503, refused.Status);
            Assert.Equal("1", refused.Headers.GetValues("Retry-After").Single());
            Assert.Equal("uaa_unavailable", refused.Text("error"));
        }
        Assert.Equal(200, (await auth.SignInAsync()).Status);
        Assert.Equal(401, (await auth.TokenAsync("account-service:wrong", Grant)).Status);
        Assert.Equal(200, (await auth.TokenAsync("account-service:account-secret", Grant)).Status);
        taken.ForEach(place => place.Dispose());
        Assert.Equal(401, (await auth.TokenAsync("x:y", Grant)).Status);
    }

    [Fact]
    public async Task Wrong_secrets_of_known_clients_take_no_place_of_users()
    {
        await using var auth = await DemoAuth.StartAsync();
        var slow = auth.Services.GetRequiredService<SlowHash>();
        TakeAll(() => slow.ReserveForClient(chosen: true));

        Assert.Equal(503, (await auth.TokenAsync("account-service:wrong", Grant)).Status);
        Assert.Equal(200, (await auth.SignInAsync()).Status);
    }

    [Fact]
    public async Task A_sign_in_without_a_place_writes_nothing()
    {
        await using var auth = await DemoAuth.StartAsync();
        var slow = auth.Services.GetRequiredService<SlowHash>();
        TakeAll(slow.ReserveForUser);
        await auth.ExecuteAsync("DROP TABLE sign_in_failures");

        Assert.Equal("uaa_unavailable", (await auth.SignInAsync()).Text("error"));
        Assert.DoesNotContain(auth.Logs, line => line.Contains("database failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_attempt_that_was_counted_is_checked_although_the_caller_goes_away()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:hashing:workers", "1"));
        var slow = auth.Services.GetRequiredService<SlowHash>();
        using var before = slow.ReserveForUser()!;
        var busy = before.RunAsync("keeps the one thread busy", 4_000_000, new byte[16], 32);
        using var gone = new CancellationTokenSource();
        var signIn = auth.Services.GetRequiredService<PasswordSignIn>().AuthenticateAsync("demo", "demo", IPAddress.Loopback, gone.Token);
        await using var database = auth.Database.Open("auth");
        await using var connection = await database.OpenAsync(TestContext.Current.CancellationToken);
        while (await connection.ExecuteScalarAsync<long>("SELECT COALESCE(SUM(failures), 0) FROM sign_in_failures") == 0)
            Assert.False(signIn.IsCompleted);

        await gone.CancelAsync();

        Assert.True((await signIn).IsSuccess);
        await busy;
        Assert.Equal(0, await connection.ExecuteScalarAsync<long>("SELECT COALESCE(SUM(failures), 0) FROM sign_in_failures"));
    }

    [Theory]
    [InlineData("50%41+a b", "50%2541%2Ba%20b")]
    [InlineData("a+b", "a%2Bb")]
    [InlineData("100%25", "100%2525")]
    public async Task U_02_one_run_of_the_hash_compares_both_readings(string secret, string encoded)
    {
        await using var auth = await DemoAuth.StartAsync();
        using var place = auth.Services.GetRequiredService<SlowHash>().ReserveForClient(chosen: true)!;
        var stored = await SlowHash.HashAsync(place, secret, FormBody.Decode(secret));

        Assert.Equal(HashCheck.Match, await SlowHash.VerifyAsync(place, secret, stored, raw: encoded));
        Assert.Equal(HashCheck.Match, await SlowHash.VerifyAsync(place, FormBody.Decode(secret)!, stored, raw: secret));
        Assert.Equal(HashCheck.Mismatch, await SlowHash.VerifyAsync(place, FormBody.Decode(secret)!, stored, raw: "another"));
        Assert.Equal(HashCheck.Mismatch, await SlowHash.VerifyAsync(place, FormBody.Decode(secret)!, stored));
        Assert.Equal(HashCheck.Mismatch, await SlowHash.VerifyAsync(place, "another", stored, raw: secret));
    }

    private static List<HashPlace> TakeAll(Func<HashPlace?> reserve)
    {
        var places = new List<HashPlace>();
        while (reserve() is { } place) places.Add(place);
        return places;
    }
}
