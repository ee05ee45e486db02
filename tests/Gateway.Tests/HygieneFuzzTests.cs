using System.Collections.Concurrent;
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

    public async ValueTask InitializeAsync()
    {
        _door = await Door.OpenAsync(
            ("gateway:routes:admin:path", "/admin/{**rest}"), ("gateway:routes:admin:service", "admin-service"), ("gateway:routes:admin:scopes:0", "uaa.admin"),
            ("gateway:routes:read:path", "/read/{**rest}"), ("gateway:routes:read:service", "read-service"), ("gateway:routes:read:access", "public"),
            ("gateway:routes:read:methods:0", "GET"), ("gateway:routes:read:methods:1", "HEAD"));
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
        using var answer = await _door.GetAsync(path, token);
        return answer.IsSuccessStatusCode;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(20_261_127)]
    public async Task V_083_to_V_095_no_variant_of_header_path_or_framing_gets_anything_through(int seed)
    {
        var variants = new Variants(seed, _door.Issuer.UserToken("demo", "ui"), _door.Issuer.UserToken("root", "uaa.admin"));
        var faults = new ConcurrentQueue<string>();
        var all = Enumerable.Range(1, Effort.Rounds(500, 5_000)).Select(variants.Next).ToDictionary(variant => variant.Number);
        var answers = new ConcurrentDictionary<int, Wire.Answers>();

        await Parallel.ForEachAsync(all.Values, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken }, async (variant, _) =>
        {
            var answer = answers[variant.Number] = await Wire.SendAsync(_door.Url, variant);
            if (FaultOf(variant, answer) is { } fault) faults.Enqueue($"{fault}\n{variant}\n--- answered\n{answer.Text}");
            if (variant.Number % 100 == 0 && !await IsServedAsync("/accounts/demo?m=0")) faults.Enqueue($"the gateway does not answer after {variant}");
        });

        foreach (var recorder in _recorders)
        {
            foreach (var request in recorder.Requests)
            {
                var sender = Judge.Sender(request) is { Number: > 0 } known ? known : default;
                var scopes = sender is { Number: > 0, Hidden: false } ? all[sender.Number].Scopes : [];
                var fault = Judge.Fault(request, recorder.Url, scopes);
                if (sender is { Number: > 0, Hidden: false } && all[sender.Number].Method != request.Method) fault ??= "the method changed";
                if (fault is not null)
                    faults.Enqueue($"{fault}\n--- reached {recorder.Name}\n{request.Head}\n--- from {(sender.Number > 0 ? all[sender.Number] : "nobody known")}");
            }
        }
        foreach (var sent in _recorders.SelectMany(recorder => recorder.Requests).GroupBy(request => Judge.Sender(request)?.Number ?? 0).Where(sent => sent.Key > 0))
        {
            var variant = all[sent.Key];
            if (sent.Count() > variant.Requests || (variant.Refused && sent.Any())) faults.Enqueue($"{sent.Count()} requests reached a service from {variant}\n--- {string.Join("\n---", sent.Select(request => request.Head))}");
        }
        Assert.True(faults.IsEmpty, $"seed {seed}: {faults.Count} faults\n" + string.Join("\n=====\n", faults.Take(5)));
        Assert.DoesNotContain(_door.Gateway.Logs, line => line.StartsWith("Error", StringComparison.Ordinal));
        // The variants are neither all refused nor all harmless.
        Assert.InRange(answers.Values.Count(answer => answer.Statuses is [200, ..]), all.Count / 10, all.Count * 9 / 10);
    }

    private static string? FaultOf(Variant variant, Wire.Answers answer)
    {
        if (answer.Hung) return "the connection never ended";
        if (answer.Statuses.Count > variant.Requests) return $"{answer.Statuses.Count} answers";
        if (variant.Refused && answer.Statuses.Any(status => status is < 400 or >= 500 and not 501 and not 505)) return "not refused";
        if (answer.Statuses.Any(status => status is >= 500 and not 501 and not 505)) return "an error of ours";
        return null;
    }
}
