using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using SecureMesh.Discovery.Apps;
using SecureMesh.Tests.Support;

namespace SecureMesh.Discovery.Tests.Apps;

public sealed class PushTests : IAsyncDisposable
{
    private readonly TestClock _clock = new();
    private readonly RegistryHost _registry;

    public PushTests() => _registry = new RegistryHost(true, _clock, ("registry:push:maxWaiting", "3"));

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    [Theory]
    [InlineData("eureka/apps", "application/json")]
    [InlineData("eureka/v2/apps/", "application/xml")]
    [InlineData("eureka/apps/delta", "application/json")]
    public async Task A_known_version_is_a_304_and_a_change_a_200(string path, string accept)
    {
        var first = await _registry.GetAsync(path, accept);
        Assert.Matches("^\"[0-9a-f]+-[0-9]+\"$", first.Header("ETag"));
        Assert.Null(first.Header("Preference-Applied"));

        foreach (var tags in new[] { first.Header("ETag")!, "W/" + first.Header("ETag"), "\"x\", " + first.Header("ETag") })
        {
            var known = await _registry.GetAsync(path, accept, null, ("If-None-Match", tags));
            Assert.Equal((304, "", first.Header("ETag")), (known.Status, known.Body, known.Header("ETag")));
        }

        await RegisterAsync("a");
        var changed = await _registry.GetAsync(path, accept, null, ("If-None-Match", first.Header("ETag")!));
        Assert.Equal(200, changed.Status);
        Assert.NotEqual(first.Header("ETag"), changed.Header("ETag"));
    }

    [Theory]
    [InlineData("application/json", "")]
    [InlineData("application/xml", "")]
    [InlineData("application/json", "gzip")]
    public async Task A_waiting_request_is_answered_by_the_next_change(string accept, string encoding)
    {
        await RegisterAsync("a");
        var tag = (await _registry.GetAsync("eureka/apps", accept)).Header("ETag")!;
        var held = HeldAsync(tag, 30, accept, encoding);
        await WaitingAsync(1);
        Assert.False(held.IsCompleted);

        Assert.Equal(200, (await _registry.DeleteAsync("eureka/apps/A/a")).Status);
        var answer = await held;

        // Had it waited to the end, it would be a 304.
        Assert.Equal((200, "wait"), (answer.Status, answer.Header("Preference-Applied")));
        Assert.NotEqual(tag, answer.Header("ETag"));
        await WaitingAsync(0);
    }

    [Fact]
    public async Task A_renewal_wakes_nobody_and_an_eviction_does()
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", RegistryHost.Lease(10)));
        var held = HeldAsync((await _registry.GetAsync("eureka/apps")).Header("ETag")!, 60);
        await WaitingAsync(1);
        await _registry.PutAsync("eureka/apps/A/a");
        Assert.False(held.IsCompleted);

        _clock.Advance(TimeSpan.FromSeconds(11));

        Assert.Empty((await held).Ids);
    }

    [Theory]
    [InlineData(5, 5)]
    [InlineData(60, 60)]
    [InlineData(86400, 60)]
    public async Task A_wait_ends_with_304_when_its_time_is_over(int asked, int seconds)
    {
        var held = HeldAsync((await _registry.GetAsync("eureka/apps")).Header("ETag")!, asked);
        await WaitingAsync(1);

        _clock.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, Endpoint.Waiting);
        _clock.Advance(TimeSpan.FromMilliseconds(1));

        var answer = await held;
        Assert.Equal((304, "wait"), (answer.Status, answer.Header("Preference-Applied")));
    }

    [Theory]
    [InlineData("wait=0")]
    [InlineData("wait=-1")]
    [InlineData("wait=soon")]
    [InlineData("wait")]
    [InlineData("respond-async")]
    public async Task A_preference_that_asks_for_no_wait_gets_none(string prefer)
    {
        var tag = (await _registry.GetAsync("eureka/apps")).Header("ETag")!;

        var answer = await _registry.GetAsync("eureka/apps", headers: [("If-None-Match", tag), ("Prefer", prefer)]);

        Assert.Equal(304, answer.Status);
        Assert.Null(answer.Header("Preference-Applied"));
    }

    [Fact]
    public async Task Who_does_not_know_the_newest_version_is_answered_at_once()
    {
        foreach (var tag in new[] { "\"other-1\"", "nonsense", "" })
        {
            var answer = await _registry.GetAsync("eureka/apps", headers: [("If-None-Match", tag), ("Prefer", "respond-async, wait=30")]);
            Assert.Equal((200, "wait"), (answer.Status, answer.Header("Preference-Applied")));
        }
    }

    [Fact]
    public async Task Only_so_many_wait_and_one_more_is_answered_at_once_without_a_promise()
    {
        var tag = (await _registry.GetAsync("eureka/apps")).Header("ETag")!;
        var held = Enumerable.Range(0, 3).Select(_ => HeldAsync(tag, 30)).ToArray();
        await WaitingAsync(3);

        var more = await HeldAsync(tag, 30);
        Assert.Equal(304, more.Status);
        Assert.Null(more.Header("Preference-Applied"));

        await RegisterAsync("a");
        Assert.All(await Task.WhenAll(held), answer => Assert.Equal(200, answer.Status));
    }

    [Fact]
    public async Task A_client_that_leaves_gives_its_place_back()
    {
        var tag = (await _registry.GetAsync("eureka/apps")).Header("ETag")!;
        using var leave = new CancellationTokenSource();
        using var request = new HttpRequestMessage(HttpMethod.Get, "eureka/apps");
        request.Headers.TryAddWithoutValidation("If-None-Match", tag);
        request.Headers.TryAddWithoutValidation("Prefer", "wait=60");
        var held = _registry.Http.SendAsync(request, leave.Token);
        await WaitingAsync(1);

        await leave.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held);
        await WaitingAsync(0);
    }

    [Fact]
    public async Task A_stop_ends_every_wait_at_once_and_makes_no_new_promise()
    {
        var tag = (await _registry.GetAsync("eureka/apps")).Header("ETag")!;
        var held = HeldAsync(tag, 60);
        await WaitingAsync(1);

        _registry.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();

        var answer = await held;
        Assert.Equal(304, answer.Status);
        Assert.Null(answer.Header("Preference-Applied"));
    }

    private ListEndpoint Endpoint => _registry.Services.GetRequiredService<ListEndpoint>();

    private Task<Reply> HeldAsync(string tag, int seconds, string accept = "application/json", string encoding = "") => _registry.GetAsync(
        "eureka/apps", accept, null, ("If-None-Match", tag), ("Prefer", $"wait={seconds}"), ("Accept-Encoding", encoding));

    private async Task RegisterAsync(string id) => Assert.Equal(204, (await _registry.RegisterAsync("A", RegistryHost.Instance("A", id))).Status);

    private async Task WaitingAsync(int count)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (Endpoint.Waiting != count)
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
