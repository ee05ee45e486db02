namespace SecureMesh.Discovery.Registry;

/// <summary>What became of a change.</summary>
internal enum Outcome
{
    Done,

    /// <summary>No such instance, or the client shall register again (Eureka answers both with 404).</summary>
    Unknown,

    /// <summary>The instance's lease is alive and belongs to another principal.</summary>
    NotOwner,

    /// <summary>The caller, or the registry, holds as many instances as allowed.</summary>
    TooMany,
}

/// <summary>
/// The leases. Every change is made under one lock and published as one immutable <see cref="RegistryState"/>; reading
/// takes no lock. A renewal moves a deadline only: it makes no new version and wakes nobody.
/// </summary>
internal sealed partial class LeaseRegistry : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<InstanceKey, Lease> _leases = [];
    private readonly Dictionary<string, int> _owned = new(StringComparer.Ordinal);
    private readonly SortedSet<Lease> _deadlines = new(Lease.ByDeadline);
    private readonly TimeProvider _time;
    private readonly RegistrySettings _settings;
    private readonly Preservation _preservation;
    private readonly RegistryMetrics _metrics;
    private readonly ILogger<LeaseRegistry> _logger;
    private readonly long _start;
    private readonly ITimer _timer;
    private RegistryState _state = RegistryState.Fresh();
    private long _sequence;
    private bool _disposed;

    public LeaseRegistry(TimeProvider time, RegistrySettings settings, RegistryMetrics metrics, ILogger<LeaseRegistry> logger)
    {
        (_time, _settings, _metrics, _logger) = (time, settings, metrics, logger);
        _preservation = new Preservation(settings);
        _start = time.GetTimestamp();
        _timer = time.CreateTimer(_ => Expire(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        metrics.Watch(() => _leases.Count, () => _preservation.Suspects);
    }

    /// <summary>The newest version.</summary>
    public RegistryState Current => Volatile.Read(ref _state);

    public int Suspects => _preservation.Suspects;

    // Leases run on the monotonic clock: a corrected wall clock must neither end nor prolong them.
    private long Now => (long)_time.GetElapsedTime(_start).TotalMilliseconds;

    private long WallClock => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Registers, or replaces the caller's own registration under the same key.</summary>
    public Outcome Register(Instance instance, string owner)
    {
        lock (_gate)
        {
            var key = instance.Key;
            var existing = _leases.GetValueOrDefault(key);
            if (existing is not null && existing.Owner != owner) return Outcome.NotOwner;
            var options = _settings.Current;
            if (existing is null && (_leases.Count >= options.MaxInstances || _owned.GetValueOrDefault(owner) >= options.MaxInstancesPerPrincipal))
                return Outcome.TooMany;

            // An older copy than the one that is known renews the lease and changes nothing else (lastDirtyTimestamp rule).
            if (existing is not null && existing.Instance.LastDirtyTimestamp > instance.LastDirtyTimestamp)
                instance = existing.Instance;
            if (existing is null) _owned[owner] = _owned.GetValueOrDefault(owner) + 1;
            else Forget(existing);

            var seeded = instance.OverriddenStatus == InstanceStatus.Unknown ? null : instance.OverriddenStatus;
            var overridden = existing is null ? seeded : existing.Override ?? seeded;
            var wall = WallClock;
            var status = InstanceStatus.Effective(instance.Status, overridden, existing?.Instance.Status);
            var duration = Math.Min(instance.Lease.DurationSeconds, (int)options.MaxLease.TotalSeconds);
            var lease = new Lease(owner, _sequence++)
            {
                Override = overridden,
                Instance = instance with
                {
                    Status = status,
                    OverriddenStatus = overridden ?? InstanceStatus.Unknown,
                    ActionType = ChangeKind.Added,
                    LastUpdatedTimestamp = wall,
                    Lease = instance.Lease with
                    {
                        DurationSeconds = duration,
                        Registration = wall,
                        LastRenewal = wall,
                        Eviction = 0,
                        ServiceUp = existing?.Instance.Lease.ServiceUp is > 0 and var up ? up : status == InstanceStatus.Up ? wall : 0,
                    },
                },
            };
            _leases[key] = lease;
            Prolong(lease, wall);
            Publish(Current.With(lease.Instance, Now));
            return Outcome.Done;
        }
    }

    /// <summary>Renews; a caller whose copy is newer, or whose status is UNKNOWN, is told to register again.</summary>
    public Outcome Renew(InstanceKey key, string owner, long? lastDirtyTimestamp)
    {
        lock (_gate)
        {
            if (Find(key, owner, out var lease) is not Outcome.Done and var refused) return refused;
            // Before the checks: also the caller that has to register again is alive.
            Prolong(lease, WallClock);
            _metrics.Renewed();
            return lease.Instance.Status == InstanceStatus.Unknown || lastDirtyTimestamp > lease.Instance.LastDirtyTimestamp
                ? Outcome.Unknown
                : Outcome.Done;
        }
    }

    public Outcome Cancel(InstanceKey key, string owner)
    {
        lock (_gate)
        {
            if (Find(key, owner, out var lease) is not Outcome.Done and var refused) return refused;
            Publish(Without(lease, Current));
            return Outcome.Done;
        }
    }

    /// <summary>Sets the operator's status; it outlives renewals and registrations, not the lease.</summary>
    public Outcome SetStatus(InstanceKey key, string owner, string status, long? lastDirtyTimestamp)
    {
        lock (_gate)
        {
            if (Find(key, owner, out var lease) is not Outcome.Done and var refused) return refused;
            Prolong(lease, WallClock);
            if (lease.Instance.Status == status) return Outcome.Done;
            lease.Override = status == InstanceStatus.Unknown ? null : status;
            ChangeStatus(lease, status, lastDirtyTimestamp);
            return Outcome.Done;
        }
    }

    /// <summary>Removes the operator's status; the instance then has <paramref name="fallback"/> until it registers again.</summary>
    public Outcome RemoveStatus(InstanceKey key, string owner, string fallback, long? lastDirtyTimestamp)
    {
        lock (_gate)
        {
            if (Find(key, owner, out var lease) is not Outcome.Done and var refused) return refused;
            Prolong(lease, WallClock);
            if (lease.Override is null) return Outcome.Done;
            lease.Override = null;
            ChangeStatus(lease, fallback, lastDirtyTimestamp);
            return Outcome.Done;
        }
    }

    /// <summary>Adds or overwrites metadata; counts as a registration. Refused by the caller's check, it changes nothing and gives the fault.</summary>
    public Outcome SetMetadata(InstanceKey key, string owner, IReadOnlyDictionary<string, string> entries, Func<Instance, string?> check, out string? fault)
    {
        lock (_gate)
        {
            fault = null;
            if (Find(key, owner, out var lease) is not Outcome.Done and var refused) return refused;
            var metadata = new Dictionary<string, string>(lease.Instance.Metadata, StringComparer.Ordinal);
            foreach (var (name, value) in entries) metadata[name] = value;
            var changed = lease.Instance with { Metadata = metadata };
            fault = check(changed);
            return fault is null ? Register(changed, owner) : Outcome.Done;
        }
    }

    /// <summary>The instance with the times of its lease as they are now; null when it is unknown.</summary>
    public Instance? Find(InstanceKey key)
    {
        lock (_gate) return _leases.GetValueOrDefault(key)?.Instance;
    }

    public void Dispose()
    {
        lock (_gate) _disposed = true;
        _timer.Dispose();
    }

    private Outcome Find(InstanceKey key, string owner, out Lease lease)
    {
        if (!_leases.TryGetValue(key, out lease!)) return Outcome.Unknown;
        return lease.Owner == owner ? Outcome.Done : Outcome.NotOwner;
    }

    private void ChangeStatus(Lease lease, string status, long? lastDirtyTimestamp)
    {
        var (instance, wall) = (lease.Instance, WallClock);
        lease.Instance = instance with
        {
            Status = status,
            OverriddenStatus = lease.Override ?? InstanceStatus.Unknown,
            ActionType = ChangeKind.Modified,
            LastUpdatedTimestamp = wall,
            // A server that moved it by itself left instances stuck at UNKNOWN (Netflix/eureka#955).
            LastDirtyTimestamp = Math.Max(instance.LastDirtyTimestamp, lastDirtyTimestamp ?? 0),
            Lease = instance.Lease with { ServiceUp = instance.Lease.ServiceUp == 0 && status == InstanceStatus.Up ? wall : instance.Lease.ServiceUp },
        };
        Publish(Current.With(lease.Instance, Now));
    }

    /// <summary>The lease ends one duration from now: not two, as in Netflix's server (Netflix/eureka#531).</summary>
    private void Prolong(Lease lease, long wall)
    {
        _deadlines.Remove(lease);
        if (lease.Suspect)
        {
            lease.Suspect = false;
            _preservation.NoLongerSuspect(lease.Owner);
        }
        lease.Instance = lease.Instance with { Lease = lease.Instance.Lease with { LastRenewal = wall } };
        lease.Deadline = Now + lease.Instance.Lease.DurationSeconds * 1000L;
        _deadlines.Add(lease);
        Schedule();
    }

    private void Forget(Lease lease)
    {
        _deadlines.Remove(lease);
        if (lease.Suspect) _preservation.NoLongerSuspect(lease.Owner);
    }

    private RegistryState Without(Lease lease, RegistryState state)
    {
        var wall = WallClock;
        Forget(lease);
        _leases.Remove(lease.Instance.Key);
        if (--_owned[lease.Owner] == 0) _owned.Remove(lease.Owner);
        var gone = lease.Instance with
        {
            ActionType = ChangeKind.Deleted,
            LastUpdatedTimestamp = wall,
            Lease = lease.Instance.Lease with { Eviction = wall },
        };
        return state.With(gone, Now);
    }

    private void Publish(RegistryState state)
    {
        var options = _settings.Current;
        var old = _state;
        // At most as many changes as instances: who missed more does better with the whole list.
        Volatile.Write(ref _state, state.Trimmed(Now - (long)options.DeltaWindow.TotalMilliseconds, options.MaxInstances));
        Schedule();
        old.Supersede();
    }

    /// <summary>One timer, set to the earliest deadline.</summary>
    private void Schedule()
    {
        if (_disposed) return;
        var due = _deadlines.Min is { } next ? TimeSpan.FromMilliseconds(Math.Max(1, next.Deadline - Now)) : Timeout.InfiniteTimeSpan;
        _timer.Change(due, Timeout.InfiniteTimeSpan);
    }

    private void Expire()
    {
        try
        {
            lock (_gate)
            {
                var (now, state) = (Now, Current);
                while (_deadlines.Min is { } lease && lease.Deadline <= now) state = Expire(lease, now, state);
                if (state != Current) Publish(state);
                else Schedule();
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A timer has no caller who could see it; the process and the other leases go on.
            Log.ExpiryFailed(_logger, e);
            lock (_gate) _timer.Change(TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        }
    }

    private RegistryState Expire(Lease lease, long now, RegistryState state)
    {
        if (!lease.Suspect && _preservation.Keeps(now, lease.Owner, _owned, out var until))
        {
            _deadlines.Remove(lease);
            (lease.Suspect, lease.Deadline) = (true, until);
            _deadlines.Add(lease);
            Log.Suspect(_logger, lease.Instance.App, lease.Instance.Id, until - now);
            return state;
        }
        _preservation.Lost(now, lease.Owner);
        _metrics.Expired();
        Log.Expired(_logger, lease.Instance.App, lease.Instance.Id, lease.Instance.Lease.DurationSeconds);
        return Without(lease, state);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.LeaseExpired, LogLevel.Warning, "{App}/{Id} was not renewed within {Seconds} s and is no longer listed")]
        public static partial void Expired(ILogger logger, string app, string id, int seconds);

        [LoggerMessage(EventIds.LeaseSuspect, LogLevel.Warning, "{App}/{Id} was not renewed, but so many were lost at once that it is still listed for {Milliseconds} ms")]
        public static partial void Suspect(ILogger logger, string app, string id, long milliseconds);

        [LoggerMessage(EventIds.ExpiryFailed, LogLevel.Error, "Leases that ran out could not be removed; trying again in 1 s")]
        public static partial void ExpiryFailed(ILogger logger, Exception exception);
    }
}
