using System.Collections.Concurrent;

namespace SecureMesh.Cli.Supervision;

/// <summary>
/// Starts every child on one thread that lives as long as the supervisor. Linux sends the parent-death signal when the thread
/// that forked ends, not the process (prctl(2), PR_SET_PDEATHSIG): from a thread of the pool, children would die at random.
/// </summary>
internal sealed class ChildLauncher : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];

    public ChildLauncher()
    {
        new Thread(() =>
        {
            foreach (var start in _work.GetConsumingEnumerable()) start();
        })
        { IsBackground = true, Name = "launcher" }.Start();
    }

    /// <exception cref="System.ComponentModel.Win32Exception">The program cannot be executed.</exception>
    public Task<ChildProcess> StartAsync(ChildSpec spec, LogFile log)
    {
        var started = new TaskCompletionSource<ChildProcess>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                started.SetResult(ChildProcess.Start(spec, log));
            }
#pragma warning disable CA1031 // Whatever it is, it belongs to the caller; the thread must live on.
            catch (Exception e)
#pragma warning restore CA1031
            {
                started.SetException(e);
            }
        });
        return started.Task;
    }

    /// <summary>Only after all children ended: on Linux the end of the thread kills them.</summary>
    public void Dispose() => _work.CompleteAdding();
}
