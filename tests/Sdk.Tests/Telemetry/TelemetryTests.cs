using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace SecureMesh.Sdk.Tests.Telemetry;

public sealed class TelemetryTests
{
    private static Dictionary<string, string> Export(string endpoint) => new()
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint,
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "500",
    };

    [Fact]
    public async Task Traces_and_metrics_arrive_at_the_endpoint_and_hold_no_query()
    {
        var received = new ConcurrentQueue<(string Path, string Type, string Body)>();
        await using var collector = await Service.StartAsync(app => app.MapPost("/v1/{signal}", async (string signal, HttpRequest request) =>
        {
            var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            received.Enqueue((signal, request.ContentType!, Encoding.Latin1.GetString(body.ToArray())));
            return Results.Bytes([], "application/x-protobuf");
        }).AllowAnonymous());
        string trace;
        await using (var service = await Service.StartAsync(app => app.MapGet("/notes/{id}", () => "").AllowAnonymous(), Export(collector.Url.ToString())))
        {
            trace = Assert.Single((await service.GetAsync("/notes/7?code=secret-in-the-query")).Headers.GetValues("X-Trace-Id"));
            // On a busy machine the second that a stop allows for the rest may be too short: what arrives while it runs counts as well.
            for (var tries = 0; tries < 150 && (!received.Any(one => one.Path == "traces") || !received.Any(one => one.Path == "metrics" && one.Body.Contains("http.server.request.duration", StringComparison.Ordinal))); tries++) await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Assert.All(received, one => Assert.Equal("application/x-protobuf", one.Type));
        var traces = string.Concat(received.Where(one => one.Path == "traces").Select(one => one.Body));
        Assert.Contains(Encoding.Latin1.GetString(Convert.FromHexString(trace)), traces);
        Assert.Contains("sample", traces);
        Assert.Contains("/notes/{id}", traces);
        Assert.Contains("http.request.method", traces);
        Assert.Contains("http.response.status_code", traces);
        var metrics = string.Concat(received.Where(one => one.Path == "metrics").Select(one => one.Body));
        Assert.Contains("http.server.request.duration", metrics);
        Assert.Contains("dotnet.gc.collections", metrics);
        Assert.DoesNotContain("secret-in-the-query", traces + metrics);
    }

    [Fact]
    public async Task A_collector_that_does_not_answer_neither_disturbs_requests_nor_holds_up_the_stop()
    {
        var release = new TaskCompletionSource();
        await using var collector = await Service.StartAsync(app => app.MapPost("/v1/{signal}", () => release.Task).AllowAnonymous());
        var service = await Service.StartAsync(app => app.MapGet("/x", () => "x").AllowAnonymous(), Export(collector.Url.ToString()));

        Assert.Equal("x", (await service.GetAsync("/x")).Body);
        await StopAsync().WaitAsync(TimeSpan.FromSeconds(9), TestContext.Current.CancellationToken); // without a limit of its own the exporter waits for 10 at each of its ends
        release.SetResult();

        async Task StopAsync()
        {
            await service.StopAsync();
            await service.DisposeAsync();
        }
    }

    [Fact]
    public async Task An_endpoint_that_is_no_URL_stops_the_start()
    {
        var failure = await Assert.ThrowsAsync<MeshStartException>(() => Service.StartAsync(_ => { }, Export("collector:4317")));

        Assert.Contains("OTEL_EXPORTER_OTLP_ENDPOINT", failure.Message);
    }
}
