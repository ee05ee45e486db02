using System.Collections.Concurrent;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Gateway.Tests.Fuzz;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Ten thousand hostile connections (1,000 in a short run) against the gateway, and services that keep every byte.</summary>
public sealed class HygieneFuzzTests : IAsyncLifetime
{
    private static readonly string[] _services = ["auth-service", "account-service", "admin-service", "read-service"];
    private readonly List<RecordingService> _recorders = [.. _services.Select(name => new RecordingService(name))];
    private Door _door = null!;
    private Uri _usual = null!;
    private Uri _plain = null!;

    public async ValueTask InitializeAsync()
    {
        _door = await Door.OpenAsync(
            ("gateway:h2c:url", "http://127.0.0.1:0"),
            ("gateway:routes:admin:path", "/admin/{**rest}"), ("gateway:routes:admin:service", "admin-service"), ("gateway:routes:admin:scopes:0", "uaa.admin"),
            ("gateway:routes:read:path", "/read/{**rest}"), ("gateway:routes:read:service", "read-service"), ("gateway:routes:read:access", "public"),
            ("gateway:routes:read:methods:0", "GET"), ("gateway:routes:read:methods:1", "HEAD"));
        // In this order: what the settings had before, and the one for HTTP/2.
        var addresses = _door.Gateway.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address)).ToList();
        (_usual, _plain) = (addresses[0], addresses[1]);
        _door.Registry.Set([.. _recorders.Select(service =>
            new ServiceInstance(service.Url.Authority, service.Name.ToUpperInvariant(), [service.Name], "UP", service.Url, new Dictionary<string, string>()))]);
        foreach (var path in new[] { "/uaa/x", "/accounts/demo", "/read/x" }) await Eventually.AnswersAsync(() => IsServedAsync(path), path + " is served");
        var token = _door.Issuer.UserToken("root", "uaa.admin");
        await Eventually.AnswersAsync(() => IsServedAsync("/admin/x", token), "/admin/x is served");
        foreach (var recorder in _recorders) recorder.Requests.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await _door.DisposeAsync();
        foreach (var recorder in _recorders) await recorder.DisposeAsync();
    }

    private async Task<bool> IsServedAsync(string path, string? token = null)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_usual, path));
        if (token is not null) request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return answer.IsSuccessStatusCode;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(20_261_127)]
    public async Task V_083_to_V_095_no_variant_of_header_path_or_framing_gets_anything_through(int seed)
    {
        var variants = new Variants(seed, _door.Issuer.UserToken("demo", "ui"), _door.Issuer.UserToken("root", "uaa.admin"));
        var faults = new ConcurrentQueue<string>();
        var all = Enumerable.Range(1, Effort.Rounds(400, 4_000)).Select(variants.Next).ToDictionary(variant => variant.Number);
        var answers = new ConcurrentDictionary<int, Wire.Answers>();

        await Parallel.ForEachAsync(all.Values, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken }, async (variant, _) =>
        {
            var answer = answers[variant.Number] = await Wire.SendAsync(_usual, variant);
            if (FaultOf(variant, answer) is { } fault) faults.Enqueue($"{fault}\n{variant}\n--- answered\n{answer.Text}");
            if (variant.Number % 100 == 0 && !await IsServedAsync("/accounts/demo?m=0")) faults.Enqueue($"the gateway does not answer after {variant}");
        });

        FindWhatReachedAService(all, faults);
        Assert.True(faults.IsEmpty, $"seed {seed}: {faults.Count} faults\n" + string.Join("\n=====\n", faults.Take(5)));
        Assert.DoesNotContain(_door.Gateway.Logs, line => line.StartsWith("Error", StringComparison.Ordinal));
        // The variants are neither all refused nor all harmless.
        Assert.InRange(answers.Values.Count(answer => answer.Statuses is [200, ..]), all.Count / 10, all.Count * 9 / 10);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(20_261_127)]
    public async Task V_091_no_frame_of_HTTP_2_gets_anything_through_that_a_reader_of_HTTP_1_would_take_for_something_else(int seed)
    {
        var tricks = new Http2Tricks(seed, _door.Issuer.UserToken("demo", "ui"));
        var faults = new ConcurrentQueue<string>();
        var variants = Enumerable.Range(1, Effort.Rounds(200, 2_000)).Select(tricks.Next).ToList();
        var answers = new ConcurrentDictionary<int, Wire.Answers>();

        await Parallel.ForEachAsync(variants, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken }, async (variant, _) =>
        {
            var answer = answers[variant.Rules.Number] = await Http2Wire.SendAsync(_plain, variant);
            if (FaultOf(variant.Rules, answer) is { } fault) faults.Enqueue($"{fault}\n{variant.Rules}\n--- answered {answer.Text}");
        });

        FindWhatReachedAService(variants.Select(variant => variant.Rules).ToDictionary(rules => rules.Number), faults);
        Assert.True(faults.IsEmpty, $"seed {seed}: {faults.Count} faults\n" + string.Join("\n=====\n", faults.Take(5)));
        Assert.True(await IsServedAsync("/accounts/demo"), "the gateway does not answer");
        Assert.DoesNotContain(_door.Gateway.Logs, line => line.StartsWith("Error", StringComparison.Ordinal));
        Assert.InRange(answers.Values.Count(answer => answer.Statuses is [200, ..]), variants.Count / 10, variants.Count * 9 / 10);
    }

    private void FindWhatReachedAService(Dictionary<int, Variant> all, ConcurrentQueue<string> faults)
    {
        foreach (var recorder in _recorders)
        {
            foreach (var request in recorder.Requests)
            {
                var sender = Judge.Sender(request) is { Number: > 0 } known ? known : default;
                var scopes = sender is { Number: > 0, Hidden: false } ? all[sender.Number].Scopes : [];
                var fault = Judge.Fault(request, recorder.Url, scopes);
                if (sender is { Number: > 0, Hidden: false } && MethodOf(all[sender.Number]) != request.Method) fault ??= "the method changed";
                if (fault is not null)
                    faults.Enqueue($"{fault}\n--- reached {recorder.Name}\n{request.Head}\n--- from {(sender.Number > 0 ? all[sender.Number] : "nobody known")}");
            }
        }
        foreach (var sent in _recorders.SelectMany(recorder => recorder.Requests).GroupBy(request => Judge.Sender(request)?.Number ?? 0).Where(sent => sent.Key > 0))
        {
            var variant = all[sent.Key];
            if (sent.Count() > variant.Requests || (variant.Refused && sent.Any())) faults.Enqueue($"{sent.Count()} requests reached a service from {variant}\n--- {string.Join("\n---", sent.Select(request => request.Head))}");
        }
    }

    /// <summary>A WebSocket of HTTP/2 (RFC 8441) is a GET to a service that speaks HTTP/1.1.</summary>
    private static string MethodOf(Variant variant) => variant.Method == "CONNECT" ? "GET" : variant.Method;

    private static string? FaultOf(Variant variant, Wire.Answers answer)
    {
        if (answer.Hung) return "the connection never ended";
        if (answer.Statuses.Count > variant.Requests) return $"{answer.Statuses.Count} answers";
        if (variant.Refused && answer.Statuses.Any(status => status is < 400 or >= 500 and not 501 and not 505)) return "not refused";
        // A service that answers such a WebSocket with anything but one has given no answer that HTTP/2 could carry: 502.
        if (answer.Statuses.Any(status => status is >= 500 and not 501 and not 505 && !(status == 502 && variant.Method == "CONNECT"))) return "an error of ours";
        return null;
    }
}
