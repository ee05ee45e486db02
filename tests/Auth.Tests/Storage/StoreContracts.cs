using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Tests.Token;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Storage;

/// <summary>What every engine must do alike where many write at once; the stores are those of two instances.</summary>
public sealed class StoreContracts
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_01_a_refresh_token_is_exchanged_once_by_fifty_callers_at_two_instances(SqlEngine engine)
    {
        await using var one = await DemoAuth.StartAsync(engine);
        await using var two = await one.AnotherAsync();
        var stores = new[] { one, two }.Select(auth => auth.Services.GetRequiredService<IRefreshTokens>()).ToArray();
        await stores[0].StartAsync(Family("f"), Token("first", 1), 200, Cancel);

        var won = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.Run(() =>
            stores[i % 2].TryRotateAsync("first", Token("child" + i, 2), "sealed" + i, Now, Cancel))));

        Assert.Single(won, winner => winner);
        var first = (await stores[1].FindAsync("first", Cancel))!.Value.Token;
        var index = Array.IndexOf(won, true);
        Assert.Equal("sealed" + index, first.ChildSealed);
        Assert.Equal(Now, first.ConsumedAt);
        Assert.False(first.ChildUsed);
        Assert.NotNull(await stores[0].FindAsync("child" + index, Cancel));
        for (var i = 0; i < 50; i++) if (i != index) Assert.Null(await stores[0].FindAsync("child" + i, Cancel));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_revoked_family_gives_no_child_and_the_first_reason_stays(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var store = auth.Services.GetRequiredService<IRefreshTokens>();
        await store.StartAsync(Family("g"), Token("token", 1), 200, Cancel);
        await store.RevokeAsync("g", "first", Now, Cancel);
        await store.RevokeAsync("g", "second", Now, Cancel);

        Assert.False(await store.TryRotateAsync("token", Token("child", 2), "sealed", Now, Cancel));
        Assert.True((await store.FindAsync("token", Cancel))!.Value.Family.Revoked);
        Assert.Equal(1, await auth.ExecuteAsync("UPDATE refresh_families SET revoked_because = '' WHERE family_id = 'g' AND revoked_because = 'first'"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_family_comes_back_as_it_was_stored(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var store = auth.Services.GetRequiredService<IRefreshTokens>();
        var family = Family("h");
        await store.StartAsync(family, Token("stored", 1), 200, Cancel);

        var found = (await store.FindAsync("stored", Cancel))!.Value;

        Assert.Equal(family with { Scopes = found.Family.Scopes, Resources = found.Family.Resources, Details = found.Family.Details }, found.Family);
        Assert.Equal(family.Details.ToJson(), found.Family.Details.ToJson());
        Assert.Equal(family.Scopes, found.Family.Scopes);
        Assert.Equal(family.Resources, found.Family.Resources);
        Assert.Equal(Token("stored", 1), found.Token);
        Assert.Null(await store.FindAsync("STORED", Cancel));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_family_of_a_session_that_has_ended_is_born_dead_unless_it_is_for_the_time_away(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var store = auth.Services.GetRequiredService<IRefreshTokens>();
        var (over, live) = (await Given.SessionAsync(auth), await Given.SessionAsync(auth));
        Assert.True(await auth.Services.GetRequiredService<ISessionStore>().EndAsync(over.Id, "signed out", Now, Now.AddHours(1), Cancel));

        await store.StartAsync(Family("late") with { SessionId = over.Id, Details = new SignInDetails() }, Token("late", 1), 200, Cancel);
        await store.StartAsync(Family("away") with { SessionId = over.Id }, Token("away", 1), 200, Cancel);
        await store.StartAsync(Family("live") with { SessionId = live.Id, Details = new SignInDetails() }, Token("live", 1), 200, Cancel);

        Assert.True((await store.FindAsync("late", Cancel))!.Value.Family.Revoked);
        Assert.False(await store.TryRotateAsync("late", Token("child", 2), "sealed", Now, Cancel));
        Assert.Equal(1, await auth.ExecuteAsync("UPDATE refresh_families SET revoked_at = revoked_at WHERE family_id = 'late' AND revoked_because = 'signed out'"));
        var away = (await store.FindAsync("away", Cancel))!.Value.Family;
        Assert.Equal((false, null), (away.Revoked, away.SessionId));
        var lives = (await store.FindAsync("live", Cancel))!.Value.Family;
        Assert.Equal((false, live.Id), (lives.Revoked, lives.SessionId));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task No_family_begun_at_the_same_moment_survives_its_session(SqlEngine engine)
    {
        await using var one = await DemoAuth.StartAsync(engine);
        await using var two = await one.AnotherAsync();
        var stores = new[] { one, two }.Select(auth => auth.Services.GetRequiredService<IRefreshTokens>()).ToArray();
        var sessions = one.Services.GetRequiredService<ISessionStore>();
        var session = await Given.SessionAsync(one);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(async () =>
        {
            if (i == 10) await sessions.EndAsync(session.Id, "signed out", Now, Now.AddHours(1), Cancel);
            else await stores[i % 2].StartAsync(Family("f" + i) with { SessionId = session.Id, Details = new SignInDetails() }, Token("t" + i, 1), 200, Cancel);
        })));

        Assert.Equal(19, await one.ExecuteAsync("UPDATE refresh_families SET revoked_at = revoked_at WHERE revoked_at IS NOT NULL"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task V_046_failures_are_counted_once_each_by_a_hundred_callers_at_two_instances(SqlEngine engine)
    {
        await using var one = await DemoAuth.StartAsync(engine);
        await using var two = await one.AnotherAsync();
        var stores = new[] { one, two }.Select(auth => auth.Services.GetRequiredService<ISignInFailures>()).ToArray();
        var lockout = new LockoutOptions();

        var counted = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(() => stores[i % 2].TryCountAsync("uaa", "name", lockout, Now, Cancel))));

        Assert.Equal(5, counted.Count(allowed => allowed));
        Assert.False(await stores[1].TryCountAsync("uaa", "name", lockout, Now, Cancel));
        await stores[0].ClearAsync("uaa", "name", Cancel);
        Assert.True(await stores[1].TryCountAsync("uaa", "name", lockout, Now, Cancel));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task Old_failures_are_forgotten(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var store = auth.Services.GetRequiredService<ISignInFailures>();
        for (var i = 0; i < 20; i++) await store.TryCountAsync("uaa", "old" + i, new LockoutOptions(), Now, Cancel);
        await store.TryCountAsync("uaa", "new", new LockoutOptions(), Now.AddSeconds(1500), Cancel);

        Assert.Equal(1, await auth.ExecuteAsync("DELETE FROM sign_in_failures"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task One_generation_of_a_key_is_made_once(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var store = auth.Services.GetRequiredService<ISigningKeys>();
        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => Task.Run(() => store.TryAddAsync("uaa", new StoredKey("ES256", 7, "kid" + i, "announced", "sealed") { CreatedAt = Now }, Cancel))));

        Assert.Single(await store.ListAsync("uaa", Cancel), key => key.Generation == 7);
        Assert.Empty(await store.ListAsync("other", Cancel));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_user_comes_back_as_it_was_stored_and_its_name_is_taken_once(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var store = auth.Services.GetRequiredService<IUsers>();
        var user = new User
        {
            Id = "id-1",
            ZoneId = "uaa",
            UserName = "Zoe",
            Email = "z@example.org",
            GivenName = "Z",
            FamilyName = "O",
            PhoneNumber = "1",
            PasswordHash = "hash",
            Salt = "salt",
            Active = false,
            Verified = false,
            Demo = true,
            CreatedAt = Now,
            Registration = ("client", "key"),
        };
        Assert.True(await store.TryAddAsync(user, ["b.group", "a.group"], Cancel));

        Assert.Equal(user, await store.FindByNameAsync("uaa", "zOE", Cancel));
        Assert.Equal(user, await store.FindAsync("uaa", "id-1", Cancel));
        Assert.Equal(["a.group", "b.group"], await store.GroupsAsync("uaa", "id-1", Cancel));
        Assert.Null(await store.FindByNameAsync("other", "zoe", Cancel));
        Assert.False(await store.TryAddAsync(user with { Id = "id-2", UserName = "ZOE" }, ["a.group"], Cancel));
        Assert.True(await store.TryAddAsync(user with { Id = "id-3", ZoneId = "other" }, ["a.group"], Cancel));
        await store.SignedInAsync(user, Now.AddMinutes(1), Cancel);
        await store.SignedInAsync(user, Now.AddMinutes(2), Cancel);
        await store.RehashAsync(user, "stronger", Cancel);
        await store.RehashAsync(user, "too late", Cancel);
        Assert.Equal(user with { PasswordHash = "stronger", LastLogonAt = Now.AddMinutes(2), PreviousLogonAt = Now.AddMinutes(1) }, await store.FindAsync("uaa", "id-1", Cancel));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_client_comes_back_as_it_was_stored(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var store = auth.Services.GetRequiredService<IClients>();
        var client = new Client
        {
            ZoneId = "uaa",
            Id = "full",
            Name = "Full",
            SecretHash = "one",
            OlderSecretHash = "two",
            OlderSecretExpiresAt = Now,
            AllowPublic = true,
            GrantTypes = ["a", "b"],
            Scopes = ["c.*"],
            Authorities = ["d"],
            RedirectUris = ["https://e/"],
            AutoApprove = ["f"],
            AccessTokenValidity = TimeSpan.FromSeconds(60),
            RefreshTokenValidity = TimeSpan.FromDays(1),
            Wire = "rfc",
            TokenSalt = "salt",
            Enabled = false,
            Demo = true,
        };
        Assert.True(await store.TryAddAsync(client, Cancel));
        Assert.False(await store.TryAddAsync(client with { Name = "Another" }, Cancel));

        Assert.Equivalent(client, await store.FindAsync("uaa", "full", Cancel), strict: true);
        Assert.Null(await store.FindAsync("uaa", "FULL", Cancel));
        Assert.Null(await store.FindAsync("other", "full", Cancel));
        Assert.True(await store.ReplaceSecretAsync("uaa", "full", "three", Cancel));
        Assert.False(await store.ReplaceSecretAsync("uaa", "full", "three", Cancel));
        Assert.Null((await store.FindAsync("uaa", "full", Cancel))!.OlderSecretHash);
    }

    private static RefreshFamily Family(string id) => new()
    {
        SessionId = "session",
        Details = new SignInDetails { Amr = ["pwd"], Jkt = "key", Offline = true },
        Id = id,
        ZoneId = "uaa",
        ClientId = "browser",
        UserId = "user",
        Scopes = ["ui", "openid"],
        Resources = ["mesh://a"],
        GrantType = "password",
        ClientAuthMethod = "none",
        AuthTime = Now,
        RevSig = "sig",
        CreatedAt = Now,
        ExpiresAt = Now.AddDays(30),
    };

    private static RefreshToken Token(string hash, long generation) => new(hash, generation, Now, Now.AddDays(14), null, null, false);
}
