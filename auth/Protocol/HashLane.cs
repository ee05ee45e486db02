using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace SecureMesh.Auth.Protocol;

/// <summary>Threads that hash, and a bounded number of places before them.</summary>
internal sealed class HashLane : IDisposable
{
    // setpriority(2): on Linux a nice value belongs to a thread, and 0 names the calling one.
    private const int CallingThread = 0;
    private const int Behind = 10;
    private readonly BlockingCollection<Job> _jobs = [];
    private int _free;
    private long _work;

    public HashLane(string name, int workers, int queue)
    {
        _free = workers + queue;
        for (var i = 0; i < workers; i++) new Thread(Serve) { IsBackground = true, Name = name }.Start();
    }

    /// <summary>Iterations of all hashes so far.</summary>
    public long Work => Interlocked.Read(ref _work);

    /// <summary>Takes a place; whoever has one is certain to be served, so that nothing need be written before it is known.</summary>
    /// <returns>Null when all are taken.</returns>
    public HashPlace? TryReserve()
    {
        if (Interlocked.Decrement(ref _free) >= 0) return new HashPlace(this);
        Interlocked.Increment(ref _free);
        return null;
    }

    public void Release() => Interlocked.Increment(ref _free);

    public Task<byte[]> RunAsync(string secret, int iterations, byte[] salt, int bytes)
    {
        var job = new Job(secret, iterations, salt, bytes);
        _jobs.Add(job);
        return job.Done.Task;
    }

    private void Serve()
    {
        // A hash takes a tenth of a second: whatever answers in a millisecond goes first. Where this is not allowed, or not Linux,
        // the hashes are as important as all else.
        if (OperatingSystem.IsLinux()) _ = SetPriority(CallingThread, CallingThread, Behind);
        foreach (var job in _jobs.GetConsumingEnumerable())
        {
            try
            {
                Interlocked.Add(ref _work, job.Iterations);
                job.Done.TrySetResult(Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(job.Secret), job.Salt, job.Iterations, HashAlgorithmName.SHA512, job.Bytes));
            }
            catch (Exception e)
            {
                job.Done.TrySetException(e);
            }
        }
    }

    public void Dispose() => _jobs.CompleteAdding();

    [DllImport("libc", EntryPoint = "setpriority")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetPriority(int which, int who, int value);

    private sealed record Job(string Secret, int Iterations, byte[] Salt, int Bytes)
    {
        public TaskCompletionSource<byte[]> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
