using System.Collections.Concurrent;

namespace SecureMesh.Gateway.Access;

/// <summary>Does a thing once for all who ask for it at the same time. Who leaves does not end it for the others.</summary>
internal sealed class Flights<TKey, T> : IDisposable where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, Task<T>> _underWay = new();
    private readonly CancellationTokenSource _stop = new();

    /// <summary>What comes of it.</summary>
    /// <param name="key">What makes two of them one.</param>
    /// <param name="fly">Does it; its token ends with the gateway.</param>
    /// <param name="cancellationToken">The one who asks leaves.</param>
    public async ValueTask<T> JoinAsync(TKey key, Func<CancellationToken, Task<T>> fly, CancellationToken cancellationToken)
    {
        if (!_underWay.TryGetValue(key, out var running))
        {
            // Not started before it is the one that counts: two at once would be two.
            var started = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
            running = _underWay.GetOrAdd(key, started.Task);
            if (ReferenceEquals(running, started.Task)) _ = RunAsync(key, fly, started);
        }
        return await running.WaitAsync(cancellationToken);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    /// <summary>Whatever happens, who waits gets an answer and the next one may try.</summary>
    private async Task RunAsync(TKey key, Func<CancellationToken, Task<T>> fly, TaskCompletionSource<T> waiting)
    {
        T result;
        try
        {
            result = await fly(_stop.Token);
        }
        catch (Exception e)
        {
            _underWay.TryRemove(key, out _);
            waiting.SetException(e);
            _ = waiting.Task.Exception; // whoever waited may have left
            return;
        }
        _underWay.TryRemove(key, out _);
        waiting.SetResult(result);
    }
}
