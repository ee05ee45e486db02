using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>What the follower has heard. The follower alone writes, in the order: in force, <see cref="Version"/>, callbacks, heard.</summary>
internal sealed partial class TokenRevocations(TimeProvider time, ILogger<TokenRevocations> logger) : ITokenRevocations
{
    /// <summary>Three heartbeats: after this long without an event the feed counts as cut.</summary>
    public static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(9);

    /// <summary>A heartbeat and what it may be late.</summary>
    private static readonly TimeSpan Overdue = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(1);
    private const long Never = long.MinValue;

    private readonly Lock _gate = new();
    private volatile Memory _memory = new(new RevocationState(time), null);
    private volatile Watcher[] _watchers = [];
    private long _version;
    private long _place;
    private long _currentAt = Never;
    private long _sweptAt = time.GetTimestamp();
    private long _keysEnded;
    private bool _changed;
    private volatile bool _open;

    public long Version => Volatile.Read(ref _version);

    public bool IsCurrent => Silence < LongestSilence;

    public TimeSpan Silence => Volatile.Read(ref _currentAt) is not Never and var at ? time.GetElapsedTime(at) : TimeSpan.MaxValue;

    public TimeSpan CutFor => Silence is var silence && _open && silence < Overdue ? TimeSpan.Zero : silence;

    /// <summary>The number of the last revocation taken in: the feed is asked for what comes after it.</summary>
    public long Place => Volatile.Read(ref _place);

    /// <summary>How often the end of a key was heard; grows before the callbacks.</summary>
    public long KeysEnded => Volatile.Read(ref _keysEnded);

    /// <summary>How many revocations are in memory.</summary>
    public int Count => _memory is var memory ? memory.Current.Count + (memory.Coming?.Count ?? 0) : 0;

    public bool IsRevoked(in TokenMarks token)
    {
        var memory = _memory;
        return memory.Current.IsRevoked(token) || (memory.Coming is { } coming && coming.IsRevoked(token));
    }

    public IDisposable OnChange(Action changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        var watcher = new Watcher(this, changed);
        lock (_gate) _watchers = [.. _watchers, watcher];
        return watcher;
    }

    /// <summary>
    /// Everything comes again from the beginning. What is known stays in force until all has come: forgotten at once, a revoked
    /// token would live for as long as the replay takes.
    /// </summary>
    public void Restart()
    {
        _memory = _memory with { Coming = new RevocationState(time) };
        Volatile.Write(ref _place, 0);
        _changed = true;
    }

    /// <summary>Takes one in.</summary>
    public void Apply(in Revocation revocation)
    {
        (_memory.Coming ?? _memory.Current).Apply(revocation);
        if (revocation.Kind == RevocationKind.Key) Interlocked.Increment(ref _keysEnded);
        Volatile.Write(ref _place, Math.Max(_place, revocation.Sequence));
        _changed = true;
    }

    /// <summary>Tells that what was taken in since the last call is in force.</summary>
    /// <param name="complete">True when nothing is missing.</param>
    public void Settle(bool complete)
    {
        if (complete && _memory.Coming is { } coming) _memory = new Memory(coming, null);
        if (_changed)
        {
            _changed = false;
            Interlocked.Increment(ref _version);
            foreach (var watcher in _watchers) Tell(watcher);
        }
        if (complete)
        {
            Volatile.Write(ref _currentAt, time.GetTimestamp());
            _open = true;
        }
        Sweep();
    }

    /// <summary>The connection has ended.</summary>
    public void Lost() => _open = false;

    /// <summary>Forgets from time to time what concerns no living token any more.</summary>
    public void Sweep()
    {
        if (time.GetElapsedTime(_sweptAt) < SweepEvery) return;
        _sweptAt = time.GetTimestamp();
        _memory.Current.Sweep();
        _memory.Coming?.Sweep();
    }

    private void Tell(Watcher watcher)
    {
        try
        {
            watcher.Changed();
        }
        catch (Exception e) // of whoever watches: the others and the next revocations do not suffer from it
        {
            Log.WatcherFailed(logger, e);
        }
    }

    /// <summary>Both are asked while a replay is on; one object, so that whoever asks sees no moment between them.</summary>
    private sealed record Memory(RevocationState Current, RevocationState? Coming);

    private sealed class Watcher(TokenRevocations owner, Action changed) : IDisposable
    {
        public Action Changed => changed;

        public void Dispose()
        {
            lock (owner._gate) owner._watchers = [.. owner._watchers.Where(watcher => watcher != this)];
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.RevocationsWatcherFailed, LogLevel.Error, "A part of this service could not be told of new revocations")]
        public static partial void WatcherFailed(ILogger logger, Exception exception);
    }
}
