using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Keys;

/// <summary>
/// Leads the keys through their life (T-16): announced, active, retired, removed. Every instance decides from the same rows and
/// the database lets each step happen once, so no instance leads the others.
/// </summary>
internal sealed partial class KeyRotation(
    ISigningKeys store, KeyRing keys, Current<RotationOptions> options, IAudit audit, TimeProvider time, ILogger<KeyRotation> logger)
{
    private const int Tries = 5;

    /// <summary>Takes every step that is due, and then what the database holds.</summary>
    public async Task TurnAsync(CancellationToken cancellationToken)
    {
        var stored = await store.ListAsync(Zone.Default, cancellationToken);
        foreach (var algorithm in KeyRing.Algorithms) await TurnAsync(algorithm, stored, cancellationToken);
        foreach (var retired in stored.Where(key => key.State == KeyState.Retired && key.RetiredAt + options.Value.KeepRetired <= time.GetUtcNow()))
            if (await store.TryRemoveAsync(Zone.Default, retired.Kid, time.GetUtcNow(), cancellationToken)) Tell("key.removed", retired.Kid, retired.Alg);
        await keys.LoadAsync(cancellationToken);
    }

    /// <summary>Announces the next key of each algorithm, unless one is announced already; it signs after the time of announcement.</summary>
    public async Task<IReadOnlyList<StoredKey>> AnnounceAsync(CancellationToken cancellationToken)
    {
        var stored = await store.ListAsync(Zone.Default, cancellationToken);
        foreach (var algorithm in KeyRing.Algorithms)
            if (!stored.Any(key => key.Alg == algorithm && key.State == KeyState.Announced)) await AnnounceAsync(algorithm, stored, cancellationToken);
        await keys.LoadAsync(cancellationToken);
        return [.. (await store.ListAsync(Zone.Default, cancellationToken)).Where(key => key.State == KeyState.Announced)];
    }

    /// <summary>
    /// When a private key may be in wrong hands: new keys sign from now on, and nothing that any older key signed counts any
    /// more. Announced keys go too, for they lay in the same place.
    /// </summary>
    /// <returns>The new keys and the names of those removed.</returns>
    public async Task<(IReadOnlyList<StoredKey> Active, IReadOnlyList<string> Removed)> ReplaceAsync(CancellationToken cancellationToken)
    {
        for (var i = 0; i < Tries; i++)
        {
            var stored = await store.ListAsync(Zone.Default, cancellationToken);
            var fresh = await Task.WhenAll(KeyRing.Algorithms.Select(algorithm => Task.Run(() => keys.Make(algorithm, stored, KeyState.Active), cancellationToken)));
            var ends = time.GetUtcNow() + RotationOptions.ShortestRetired;
            if (await store.TryReplaceAsync(Zone.Default, fresh, time.GetUtcNow(), ends, cancellationToken) is not { } removed) continue;
            await keys.LoadAsync(cancellationToken);
            foreach (var key in fresh) Tell("key.activated", key.Kid, key.Alg);
            foreach (var kid in removed) Tell("key.revoked", kid, "emergency");
            return (fresh, removed);
        }
        throw new InvalidOperationException("other instances made keys at the same moment, again and again");
    }

    private async Task TurnAsync(string algorithm, IReadOnlyList<StoredKey> stored, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var own = stored.Where(key => key.Alg == algorithm).ToArray();
        if (own.FirstOrDefault(key => key.State == KeyState.Announced) is { } announced)
        {
            if (announced.CreatedAt + options.Value.AnnounceFor <= now && await store.TryActivateAsync(Zone.Default, announced, now, cancellationToken))
                Tell("key.activated", announced.Kid, algorithm);
            return;
        }
        var active = own.LastOrDefault(key => key.State == KeyState.Active);
        if (active is null) await keys.EnsureAsync(algorithm, cancellationToken);
        else if (active.ActivatedAt + options.Value.RotateEvery - options.Value.AnnounceFor <= now) await AnnounceAsync(algorithm, stored, cancellationToken);
    }

    private async Task AnnounceAsync(string algorithm, IReadOnlyList<StoredKey> stored, CancellationToken cancellationToken)
    {
        var next = await Task.Run(() => keys.Make(algorithm, stored, KeyState.Announced), cancellationToken);
        if (await store.TryAddAsync(Zone.Default, next, cancellationToken)) Tell("key.announced", next.Kid, algorithm);
    }

    private void Tell(string what, string kid, string reason)
    {
        Log.Changed(logger, what, kid);
        audit.Record(new AuditEvent(what) { TokenId = kid, Reason = reason });
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.KeyChanged, LogLevel.Information, "{Change} {Kid}")]
        public static partial void Changed(ILogger logger, string change, string kid);
    }
}

/// <summary>Keeps the keys of this instance those of the database, at once when another instance tells of a change, and takes the steps that are due.</summary>
internal sealed partial class KeyTurns : BackgroundService
{
    private readonly KeyRotation _rotation;
    private readonly Current<RotationOptions> _options;
    private readonly TimeProvider _time;
    private readonly ILogger<KeyTurns> _logger;

    // Never disposed: a change may be told while the service stops.
    private readonly SemaphoreSlim _told = new(0);

    public KeyTurns(KeyRotation rotation, IInvalidations invalidations, Current<RotationOptions> options, TimeProvider time, ILogger<KeyTurns> logger)
    {
        (_rotation, _options, _time, _logger) = (rotation, options, time, logger);
        invalidations.Subscribe(Topics.Key, _ => _told.Release());
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            var told = _told.WaitAsync(stoppingToken);
            while (true)
            {
                using var pause = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                await Task.WhenAny(Task.Delay(Entropy.Jitter(_options.Value.ReloadEvery), _time, pause.Token), told);
                await pause.CancelAsync();
                await Task.Yield(); // whoever moves the clock does not do the work
                if (told.IsCompleted) told = _told.WaitAsync(stoppingToken);
                stoppingToken.ThrowIfCancellationRequested();
                await TurnAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops.
        }
    }

    // Whatever goes wrong is tried again at the next turn: an exception that leaves here would end the loop.
    private async Task TurnAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _rotation.TurnAsync(cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Log.Failed(_logger, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.KeyTurnFailed, LogLevel.Error, "The signing keys could not be looked after; they will be at the next turn")]
        public static partial void Failed(ILogger logger, Exception exception);
    }
}
