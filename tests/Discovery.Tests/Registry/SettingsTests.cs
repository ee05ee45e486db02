using System.Diagnostics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Sdk;

namespace SecureMesh.Discovery.Tests.Registry;

public sealed class SettingsTests
{
    [Fact]
    public async Task A_changed_setting_is_in_force_at_once_and_a_faulty_one_leaves_all_as_it_was()
    {
        await using var registry = new RegistryHost();
        async Task<int> StockAsync() => (await registry.RegisterAsync("STOCK", RegistryHost.Instance("STOCK", "s"), "orders")).Status;
        Assert.Equal(403, await StockAsync());

        Change(registry, ("registry:allow:orders:0", "stock"));
        Assert.Equal(204, await StockAsync());

        // The configuration client takes back what anyone refuses.
        var refused = Assert.Throws<AggregateException>(() => Change(registry, ("registry:allow:orders:0", "other"), ("registry:maxInstances", "-1")));
        Assert.Contains("registry:maxInstances must be positive.", refused.ToString(), StringComparison.Ordinal);
        Assert.Equal(204, await StockAsync());

        Assert.Throws<AggregateException>(() => Change(registry, ("registry:maxInstances", "many")));
        Assert.Equal(204, await StockAsync());

        Change(registry, ("registry:maxInstances", "100"));
        Assert.Equal(403, await StockAsync());
    }

    [Theory]
    [InlineData("registry:maxInstances", "-1", "registry:maxInstances must be positive.")]
    [InlineData("registry:maxInstances", "many", "Failed to convert configuration value 'many'")]
    [InlineData("mesh:revocations:whenCut", "opne", "mesh:revocations:whenCut must be open or critical")]
    public async Task A_fault_is_named_before_a_changed_setting_beside_it_is_in_force(string key, string value, string fault)
    {
        await using var registry = new RegistryHost();
        string[] Judge(params (string Key, string? Value)[] changes)
        {
            var candidate = new ConfigurationBuilder().AddConfiguration(registry.Services.GetRequiredService<IConfiguration>())
                .AddInMemoryCollection(changes.Select(change => KeyValuePair.Create(change.Key, change.Value))).Build();
            return [.. registry.Services.GetServices<IConfigurationCheck>().SelectMany(check => check.Faults(candidate))];
        }

        Assert.StartsWith(fault, Assert.Single(Judge(("registry:allow:orders:0", "other"), (key, value))), StringComparison.Ordinal);
        Assert.Empty(Judge(("registry:allow:orders:0", "other")));
    }

    [Theory]
    [InlineData("registry:preservation:share", "1.5", "registry:preservation:share must lie between 0 and 1.")]
    [InlineData("registry:maxLease", "00:00:00", "registry:maxLease must lie between 1 second and 30 days.")]
    [InlineData("registry:push:maxWaiting", "0", "registry:push:maxWaiting must be positive.")]
    [InlineData("registry:deltaWindow", "soon", "registry:deltaWindow")]
    public async Task A_faulty_setting_stops_the_start_with_one_line(string key, string value, string text)
    {
        string[] arguments =
        [
            "exec", Path.Combine(AppContext.BaseDirectory, "SecureMesh.Discovery.dll"), $"--{key}={value}",
            "--urls=http://127.0.0.1:0", "--mesh:config:enabled=false", "--mesh:registry:enabled=false",
        ];
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            var error = await process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);

            Assert.Equal(78, process.ExitCode);
            Assert.StartsWith("cannot start: ", error, StringComparison.Ordinal);
            Assert.Contains(text, error, StringComparison.OrdinalIgnoreCase);
            Assert.Single(error.TrimEnd().Split('\n'));
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private static void Change(RegistryHost registry, params (string Key, string Value)[] settings)
    {
        var configuration = (IConfigurationRoot)registry.Services.GetRequiredService<IConfiguration>();
        foreach (var (key, value) in settings) configuration[key] = value;
        configuration.Reload();
    }
}
