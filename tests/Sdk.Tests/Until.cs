using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;

namespace SecureMesh.Sdk.Tests;

/// <summary>Waits for what is announced, never for time to pass.</summary>
internal static class Until
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    /// <summary>Waits until the registry is in a state.</summary>
    public static async Task<RegistrySnapshot> HoldsAsync(this IServiceRegistry registry, Func<RegistrySnapshot, bool> condition)
    {
        await TrueAsync(registry.Watch, () => condition(registry.Current));
        return registry.Current;
    }

    /// <summary>Waits until a key has a value.</summary>
    public static Task HasAsync(this IConfiguration configuration, string key, string? value) =>
        TrueAsync(configuration.GetReloadToken, () => configuration[key] == value);

    /// <summary>Waits until lines of the log hold the text.</summary>
    public static Task HasLineAsync(this ConcurrentQueue<string> lines, string text) =>
        TrueAsync(() => Task.FromResult(lines.Any(line => line.Contains(text, StringComparison.Ordinal))));

    /// <summary>Waits for what nobody announces, by looking again and again.</summary>
    public static async Task TrueAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!await condition()) await Task.Delay(TimeSpan.FromMilliseconds(5), limit.Token);
    }

    private static async Task TrueAsync(Func<IChangeToken> watch, Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var registration = watch().RegisterChangeCallback(_ => changed.TrySetResult(), null);
            if (condition()) return;
            await changed.Task.WaitAsync(limit.Token);
        }
    }
}
