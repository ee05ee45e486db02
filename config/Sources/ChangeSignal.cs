namespace SecureMesh.Config.Sources;

/// <summary>Wakes everybody who waits for a change.</summary>
internal sealed class ChangeSignal
{
    private TaskCompletionSource _next = New();

    /// <summary>Read it before looking at the content: then no change in between is missed.</summary>
    public Task Changed => Volatile.Read(ref _next).Task;

    public void Raise() => Interlocked.Exchange(ref _next, New()).SetResult();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
