using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Bearer;

/// <summary>Where a service takes passport keys from, and how soon it knows of one that came or went.</summary>
public sealed class PassportKeysTests : IAsyncLifetime
{
    private readonly TestClock _clock = new();
    private TestIssuer _issuer = null!;
    private Service _service = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await TestIssuer.StartAsync("sample");
        _service = await Service.StartAsync(app => app.MapGet("/ui", () => "in").RequireScope("ui"), _issuer.Settings, clock: _clock);
    }

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    private string Passport(SigningKey? key = null)
    {
        var now = _clock.GetUtcNow().ToUnixTimeSeconds();
        return TestIssuer.Sign(key ?? _issuer.PassportKey, _issuer.PassportClaims("sample", ("iat", now), ("exp", now + 55), ("scope", new[] { "ui" })), "passport+jwt");
    }

    private async Task<int> StatusAsync(SigningKey? key = null) => (await _service.GetAsync("/ui", Passport(key))).Status;

    [Fact]
    public async Task T_17_passport_keys_are_fetched_once_for_all_callers()
    {
        var statuses = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => StatusAsync()));

        Assert.All(statuses, status => Assert.Equal(200, status));
        Assert.Equal(1, _issuer.PassportKeyFetches);
    }

    [Fact]
    public async Task A_key_that_is_announced_later_is_good_at_once_without_a_restart()
    {
        Assert.Equal(200, await StatusAsync());
        var another = new SigningKey();
        _issuer.Announce(another);

        Assert.Equal(200, await StatusAsync(another));
        Assert.Equal(200, await StatusAsync());
        Assert.Equal(2, _issuer.PassportKeyFetches);
    }

    [Fact]
    public async Task Of_gateways_that_start_one_after_the_other_none_waits_for_the_pause_between_fetches()
    {
        for (var i = 0; i < 5; i++)
        {
            var gateway = new SigningKey();
            _issuer.Announce(gateway);
            Assert.Equal(200, await StatusAsync(gateway)); // the clock stands still
        }

        Assert.Equal(401, await StatusAsync(new SigningKey()));
        var late = new SigningKey();
        _issuer.Announce(late);
        Assert.Equal(401, await StatusAsync(late)); // after nonsense it does
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(200, await StatusAsync(late));
    }

    [Fact]
    public async Task A_key_that_was_announced_while_a_fetch_was_under_way_is_asked_for_again()
    {
        Assert.Equal(200, await StatusAsync());
        var keys = (PublishedKeys)_service.Services.GetRequiredService<IPassportKeys>();
        var (late, release) = (new SigningKey(), new TaskCompletionSource());
        _issuer.HoldPassportKeys = release.Task;
        var fetch = keys.RefreshAsync();
        await EventuallyAsync(() => Task.FromResult(_issuer.PassportKeyFetches == 2)); // read, not yet answered

        _issuer.Announce(late);
        var found = keys.FindAsync(late.Kid, TestContext.Current.CancellationToken).AsTask();
        release.SetResult();

        Assert.True(await fetch);
        Assert.Equal(late.Kid, (await found)?.Kid);
    }

    [Fact]
    public async Task T_17_a_flood_of_unknown_kids_causes_one_fetch_in_5_seconds()
    {
        Assert.Equal(200, await StatusAsync());
        var before = _issuer.PassportKeyFetches;

        async Task FloodAsync() => Assert.All(
            await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => StatusAsync(new SigningKey()))), status => Assert.Equal(401, status));
        await FloodAsync();
        await FloodAsync();
        Assert.Equal(1, _issuer.PassportKeyFetches - before);
        _clock.Advance(TimeSpan.FromSeconds(4));
        await FloodAsync();
        Assert.Equal(1, _issuer.PassportKeyFetches - before);
        _clock.Advance(TimeSpan.FromSeconds(1));
        await FloodAsync();
        Assert.Equal(2, _issuer.PassportKeyFetches - before);
    }

    [Fact]
    public async Task A_withdrawn_key_is_forgotten_when_the_set_is_older_than_its_max_age_though_nobody_asks_for_another()
    {
        Assert.Equal(200, await StatusAsync());
        _issuer.Withdraw(_issuer.PassportKey);

        await EventuallyAsync(async () =>
        {
            if (_issuer.PassportKeyFetches < 2) _clock.Advance(TimeSpan.FromSeconds(66));
            return await StatusAsync() == 401; // an empty set is an answer
        });
    }

    [Fact]
    public async Task T_17_the_last_good_set_serves_on_while_the_token_service_is_down_but_not_longer_than_a_day()
    {
        Assert.Equal(200, await StatusAsync());
        _issuer.FailPassportKeysWith = 500;

        _clock.Advance(TimeSpan.FromHours(23.9));
        Assert.Equal(200, await StatusAsync());
        Assert.Equal(503, await StatusAsync(new SigningKey()));
        _clock.Advance(TimeSpan.FromHours(0.2));
        Assert.Equal(503, await StatusAsync());
        _issuer.FailPassportKeysWith = null;
        _clock.Advance(TimeSpan.FromSeconds(2));
        await EventuallyAsync(async () => await StatusAsync() == 200);
    }

    [Fact]
    public async Task Without_passport_keys_access_tokens_are_good_all_the_same_and_health_says_what_is_missing()
    {
        await using var issuer = await TestIssuer.StartAsync("sample");
        issuer.FailPassportKeysWith = 500;
        await using var service = await Service.StartAsync(app => app.MapGet("/ui", () => "in").RequireScope("ui"), issuer.Settings, clock: _clock);

        Assert.Equal(503, (await service.GetAsync("/ui", issuer.Passport("sample"))).Status);
        Assert.Equal(200, (await service.GetAsync("/ui", issuer.Token(("aud", "mesh://sample"), ("scope", new[] { "ui" })))).Status);
        Assert.Contains("no passport keys of the token service yet", (await service.GetAsync("/actuator/health")).Body);
        await service.LoggedAsync("Warning SecureMesh.Sdk.PassportKeys No passport keys from the token service");
    }

    [Fact]
    public async Task No_key_at_all_is_an_answer_and_the_service_is_well()
    {
        await using var issuer = await TestIssuer.StartAsync("sample");
        issuer.Withdraw(issuer.PassportKey);
        await using var service = await Service.StartAsync(app => app.MapGet("/ui", () => "in").RequireScope("ui"), issuer.Settings, clock: _clock);

        Assert.Equal(401, (await service.GetAsync("/ui", issuer.Passport("sample"))).Status);
        Assert.DoesNotContain("no passport keys", (await service.GetAsync("/actuator/health")).Body);
    }

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!await holds()) await Task.Delay(10, limit.Token);
    }
}
