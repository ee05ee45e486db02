using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Health;

public sealed class HealthTests
{
    private static Task<Service> StartAsync(Func<HealthCheckResult> db, params (string, string)[] settings) => Service.StartAsync(
        _ => { }, settings.Select(pair => new KeyValuePair<string, string>(pair.Item1, pair.Item2)),
        builder => builder.Services.AddHealthChecks().AddCheck("db", db));

    [Fact]
    public async Task Health_is_open_and_in_springs_shape()
    {
        await using var service = await StartAsync(() => HealthCheckResult.Healthy(data: new Dictionary<string, object> { ["engine"] = "Sqlite", ["rows"] = 3L }));

        var answer = await service.GetAsync("/actuator/health");

        Assert.Equal((200, "application/json"), (answer.Status, answer.ContentHeaders.ContentType?.ToString()));
        Assert.Equal("UP", answer.Json.GetProperty("status").GetString());
        Assert.Equal("""{"status":"UP","details":{"engine":"Sqlite","rows":3}}""", answer.Json.GetProperty("components").GetProperty("db").GetRawText());
    }

    [Fact]
    public async Task An_unhealthy_component_is_DOWN_and_503_a_degraded_one_UNKNOWN_and_200()
    {
        var state = HealthCheckResult.Unhealthy("the database does not answer", new InvalidOperationException("secret-connection-string"));
        await using var service = await StartAsync(() => state);

        var down = await service.GetAsync("/actuator/health");
        state = HealthCheckResult.Degraded();
        var degraded = await service.GetAsync("/actuator/health");

        Assert.Equal((503, "DOWN"), (down.Status, down.Json.GetProperty("status").GetString()));
        Assert.Equal("""{"status":"DOWN","details":{"description":"the database does not answer"}}""", down.Json.GetProperty("components").GetProperty("db").GetRawText());
        Assert.DoesNotContain("secret", down.Body);
        Assert.Equal((200, "UP"), (degraded.Status, degraded.Json.GetProperty("status").GetString()));
        Assert.Equal("""{"status":"UNKNOWN"}""", degraded.Json.GetProperty("components").GetProperty("db").GetRawText());
    }

    [Fact]
    public async Task A_check_that_throws_is_DOWN_without_its_message()
    {
        await using var service = await StartAsync(() => throw new InvalidOperationException("secret"));

        var answer = await service.GetAsync("/actuator/health");

        Assert.Equal(503, answer.Status);
        Assert.DoesNotContain("secret", answer.Body);
    }

    [Fact]
    public async Task HEAD_has_the_status_and_no_body_and_POST_is_405()
    {
        await using var service = await StartAsync(() => HealthCheckResult.Healthy());

        var head = await service.SendAsync(HttpMethod.Head, "/actuator/health", null);
        var post = await service.SendAsync(HttpMethod.Post, "/actuator/health", null);

        Assert.Equal((200, ""), (head.Status, head.Body));
        Assert.Equal((405, "method_not_allowed"), (post.Status, post.Error));
        Assert.Equal(["GET", "HEAD"], post.ContentHeaders.Allow);
    }

    [Fact]
    public async Task Components_can_be_hidden_from_all_but_a_scope()
    {
        await using var issuer = await TestIssuer.StartAsync("sample");
        await using var service = await StartAsync(() => HealthCheckResult.Healthy(),
            [.. issuer.Settings.Select(pair => (pair.Key, pair.Value)), ("mesh:health:details", "false"), ("mesh:health:detailsScope", "uaa.admin")]);

        Assert.Equal("""{"status":"UP"}""", (await service.GetAsync("/actuator/health")).Body);
        Assert.Equal("""{"status":"UP"}""", (await service.GetAsync("/actuator/health", issuer.ClientToken("app", "ui"))).Body);
        Assert.Equal("""{"status":"UP"}""", (await service.GetAsync("/actuator/health", "forged")).Body);
        Assert.True((await service.GetAsync("/actuator/health", issuer.ClientToken("admin", "uaa.admin"))).Json.TryGetProperty("components", out _));
    }

    [Fact]
    public async Task A_check_that_hangs_is_DOWN_after_two_seconds_and_is_started_once()
    {
        var clock = new TestClock();
        var hanging = new Hanging();
        await using var service = await Service.StartAsync(_ => { }, clock: clock,
            configure: builder => builder.Services.AddHealthChecks().AddCheck("stuck", hanging));

        Task<Answer>[] asked = [service.GetAsync("/actuator/health"), service.GetAsync("/actuator/health")];
        await hanging.Started.Task;
        while (!asked.All(task => task.IsCompleted))
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(Task.WhenAll(asked), Task.Delay(20, TestContext.Current.CancellationToken));
        }
        hanging.Release.SetResult();

        var answers = await Task.WhenAll(asked);
        Assert.All(answers, answer => Assert.Equal(503, answer.Status));
        Assert.All(answers, answer => Assert.Equal("DOWN", answer.Json.GetProperty("components").GetProperty("stuck").GetProperty("status").GetString()));
        Assert.Equal(1, hanging.Starts);
    }

    private sealed class Hanging : IHealthCheck
    {
        public TaskCompletionSource Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Release { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Starts;

        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref Starts);
            Started.SetResult();
            await Release.Task; // overlooks the cancellation, as bad checks do
            return HealthCheckResult.Healthy();
        }
    }
}
