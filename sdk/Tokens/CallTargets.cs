using System.Collections.Concurrent;

namespace SecureMesh.Sdk;

/// <summary>Which instance a call goes to: in turn among those that did not just fail, then the one whose failure is longest ago.</summary>
internal sealed class CallTargets(IServiceRegistry registry, TimeProvider time)
{
    private static readonly TimeSpan Avoid = TimeSpan.FromSeconds(10);
    private readonly ConcurrentDictionary<Uri, long> _failed = new();
    private uint _turn;

    /// <summary>True until the registry was asked for the first time.</summary>
    public bool Unknown => registry.Current is { FetchedAt: null, Instances.Count: 0 };

    /// <summary>The next address to try.</summary>
    /// <param name="service">Wire name.</param>
    /// <param name="tried">Addresses this call has tried.</param>
    /// <returns>Null when there is no other.</returns>
    public Uri? Next(string service, IReadOnlyCollection<Uri> tried)
    {
        var candidates = registry.Current.Up(service).Select(instance => instance.Address).Where(address => !tried.Contains(address)).Distinct().ToArray();
        if (candidates.Length == 0) return null;
        var fresh = candidates.Where(address => !_failed.TryGetValue(address, out var at) || time.GetElapsedTime(at) > Avoid).ToArray();
        if (fresh.Length > 0) return fresh[Interlocked.Increment(ref _turn) % (uint)fresh.Length];
        return candidates.MinBy(address => _failed.TryGetValue(address, out var at) ? at : long.MinValue);
    }

    /// <summary>Nobody answered there.</summary>
    public void Failed(Uri address)
    {
        _failed[address] = time.GetTimestamp();
        foreach (var (old, at) in _failed)
        {
            if (time.GetElapsedTime(at) > Avoid) _failed.TryRemove(KeyValuePair.Create(old, at));
        }
    }

    /// <summary>Somebody answered there.</summary>
    public void Answered(Uri address)
    {
        if (!_failed.IsEmpty) _failed.TryRemove(address, out _);
    }

    /// <summary>Waits until the registry says something new, or the time is over.</summary>
    public async Task ChangeAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = registry.Watch().RegisterChangeCallback(state => ((TaskCompletionSource)state!).TrySetResult(), changed);
        if (!Unknown) return;
        await Task.WhenAny(changed.Task, Task.Delay(limit, time, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
    }
}
