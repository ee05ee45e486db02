using System.Collections.Frozen;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>One of the key sets that the token service publishes.</summary>
/// <param name="Path">Where, below the address of the token service.</param>
/// <param name="What">What the keys are, for the log.</param>
/// <param name="UnknownKidPause">At most one fetch in this time is caused by tokens that name a key nobody knows.</param>
/// <param name="MayBeEmpty">No key at all is an answer, not a failure.</param>
internal sealed record PublishedKeySet(string Path, string What, TimeSpan UnknownKidPause, bool MayBeEmpty)
{
    /// <summary>How often they are fetched in the background; null for as long as the answer says that it is good.</summary>
    public TimeSpan? RefreshEvery { get; init; }

    /// <summary>
    /// True: a key that nobody knows may well be a good one, so while the token service does not answer whoever shows it is told
    /// to try again, not that it is bad.
    /// </summary>
    public bool NewKeysAreUsual { get; init; }

    /// <summary>Where else than at the token service they are published.</summary>
    public PublishedElsewhere? Elsewhere { get; init; }
}

/// <summary>The address of somebody else's keys.</summary>
/// <param name="Address">The whole URL.</param>
/// <param name="Client">Name of the HTTP client that may go there.</param>
internal sealed record PublishedElsewhere(string Address, string Client);

/// <summary>
/// Keys as published at the configured address of the token service, and nowhere else: nothing in a token says where to
/// look. One fetch at a time; the last good set lives on for a day while the token service does not answer.
/// </summary>
internal abstract partial class PublishedKeys(
    PublishedKeySet published, IHttpClientFactory clients, IOptions<MeshOptions> options, TimeProvider time, ILogger logger)
{
    /// <summary>Name of the HTTP client.</summary>
    public const string Client = "SecureMesh.PublishedKeys";

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(30);
    // Everything starts at once: a service that was ready a moment before the token service is not to refuse for a second more.
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestUse = TimeSpan.FromHours(24);
    private static readonly TimeSpan ShortestAge = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan DefaultAge = TimeSpan.FromSeconds(300);
    private static readonly TimeSpan LongestAge = TimeSpan.FromSeconds(3600);

    private readonly Lock _gate = new();
    private readonly string[] _addresses = published.Elsewhere is { } elsewhere ? [elsewhere.Address] : options.Value.Auth.Addresses();
    private volatile KeySet? _current;
    private Task<bool>? _fetch;
    private volatile bool _failing;
    private long? _lastFailure;
    private long? _lastUnknownKid;

    /// <summary>What the keys are.</summary>
    public string What => published.What;

    /// <summary>True when there is a set that may be used.</summary>
    public bool IsKnown => Usable is not null;

    /// <summary>How many keys may verify tokens now.</summary>
    public int Count => Usable?.Keys.Count ?? 0;

    /// <summary>Age of the key set; null when there is none.</summary>
    public TimeSpan? Age => _current is { } set ? time.GetElapsedTime(set.FetchedAt) : null;

    private KeySet? Usable => _current is { } set && time.GetElapsedTime(set.FetchedAt) < LongestUse ? set : null;

    /// <summary>For sets that nobody keeps fresh in the background: a set past its time is fetched while it is used, one long past it before.</summary>
    protected async ValueTask FreshenAsync(CancellationToken cancellationToken)
    {
        if (Usable is not { } set || Age is not { } age || age < set.MaxAge) return;
        lock (_gate)
        {
            if (_lastFailure is { } last && time.GetElapsedTime(last) < RetryPause) return;
        }
        var fetch = RefreshAsync();
        if (age > set.MaxAge * 2) await fetch.WaitAsync(cancellationToken);
    }

    public async ValueTask<IssuerKey?> FindAsync(string kid, CancellationToken cancellationToken = default)
    {
        if (Usable is { } known)
        {
            if (known.Keys.TryGetValue(kid, out var key)) return key;
            return await AskForAsync(kid, cancellationToken);
        }
        await FirstFetchAsync().WaitAsync(cancellationToken);
        var set = Usable ?? throw new IssuerKeysUnavailableException(FailurePause);
        return set.Keys.GetValueOrDefault(kid);
    }

    /// <summary>Fetches the key set, or joins the fetch under way.</summary>
    /// <returns>True when the token service answered with usable keys.</returns>
    public Task<bool> RefreshAsync()
    {
        lock (_gate)
        {
            if (_fetch is { IsCompleted: false }) return _fetch;
            return _fetch = Task.Run(FetchAsync);
        }
    }

    /// <summary>Fetches the key set by a fetch that begins now: one under way may have read what was there before.</summary>
    /// <returns>True when the token service answered with usable keys.</returns>
    public async Task<bool> RefreshAnewAsync()
    {
        Task<bool>? running;
        lock (_gate) running = _fetch;
        if (running is { IsCompleted: false }) await running;
        return await RefreshAsync();
    }

    /// <summary>How long the present set is fresh; a short pause when there is none.</summary>
    public TimeSpan NextRefresh(bool succeeded) =>
        succeeded ? published.RefreshEvery ?? _current!.MaxAge : Usable is null ? FailurePause : published.RefreshEvery ?? RetryPause;

    private async Task<IssuerKey?> AskForAsync(string kid, CancellationToken cancellationToken)
    {
        while (MayAskFor(out var running))
        {
            await (running ?? RefreshAsync()).WaitAsync(cancellationToken);
            if (Usable is not { } fetched) throw new IssuerKeysUnavailableException(FailurePause);
            if (fetched.Keys.TryGetValue(kid, out var key))
            {
                // The name was no nonsense: the next new key, of a second gateway that starts, need not wait for the pause.
                lock (_gate) _lastUnknownKid = null;
                return key;
            }
            if (running is null) break;
            // What was under way may have been read before the key was published; one fetch of our own tells.
        }
        return _failing && published.NewKeysAreUsual ? throw new IssuerKeysUnavailableException(FailurePause) : null;
    }

    /// <summary>An unknown kid costs one fetch per pause, however many tokens name one; those who come meanwhile join a fetch under way.</summary>
    private bool MayAskFor(out Task<bool>? running)
    {
        lock (_gate)
        {
            running = _fetch is { IsCompleted: false } ? _fetch : null;
            if (running is not null) return true;
            if (_lastUnknownKid is { } last && time.GetElapsedTime(last) < published.UnknownKidPause) return false;
            _lastUnknownKid = time.GetTimestamp();
            return true;
        }
    }

    /// <summary>Joins the fetch under way or starts one, unless one just ended; decided in one step, so that many callers cause one fetch.</summary>
    private Task<bool> FirstFetchAsync()
    {
        lock (_gate)
        {
            if (_fetch is { IsCompleted: false }) return _fetch;
            if (Usable is not null) return Task.FromResult(true);
            if (_lastFailure is { } last && time.GetElapsedTime(last) < FirstPause) return Task.FromResult(false);
            return _fetch = Task.Run(FetchAsync);
        }
    }

    private async Task<bool> FetchAsync()
    {
        var causes = new List<string>();
        foreach (var address in _addresses)
        {
            var (set, cause) = await FetchAsync(address);
            if (set is null)
            {
                causes.Add($"{address}: {cause}");
                continue;
            }
            _current = set;
            if (_failing) Log.Healed(logger, What, address);
            _failing = false;
            return true;
        }
        // Once, not at every try: what goes on for hours must not bury the rest of the log.
        if (!_failing) Log.Failed(logger, published.Elsewhere is null ? What + " from the token service" : What, string.Join("; ", causes));
        _failing = true;
        lock (_gate) _lastFailure = time.GetTimestamp();
        return false;
    }

    private async Task<(KeySet? Set, string? Cause)> FetchAsync(string address)
    {
        try
        {
            using var client = clients.CreateClient(published.Elsewhere?.Client ?? Client);
            using var answer = await client.GetAsync(new Uri(address + published.Path));
            if (!answer.IsSuccessStatusCode) return (null, $"status {(int)answer.StatusCode}");
            var keys = IssuerKeySet.Read(await answer.Content.ReadAsByteArrayAsync(), out var skipped);
            foreach (var cause in skipped) Log.Skipped(logger, address, cause);
            if (keys.Count == 0 && !published.MayBeEmpty) return (null, "no usable key");
            var age = answer.Headers.CacheControl?.MaxAge ?? DefaultAge;
            Log.Fetched(logger, keys.Count, What, address);
            return (new KeySet(keys, time.GetTimestamp(), age < ShortestAge ? ShortestAge : age > LongestAge ? LongestAge : age), null);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException or IOException)
        {
            return (null, e is OperationCanceledException ? "no answer in time" : e.Message);
        }
        catch (Exception e) // whoever waits for the keys gets "none", not an error nobody expects
        {
            return (null, $"the answer cannot be read ({e.GetType().Name})");
        }
    }

    private sealed record KeySet(FrozenDictionary<string, IssuerKey> Keys, long FetchedAt, TimeSpan MaxAge);

    private static partial class Log
    {
        [LoggerMessage(EventIds.KeysFetched, LogLevel.Debug, "Fetched {Count} {What} from {Address}")]
        public static partial void Fetched(ILogger logger, int count, string what, string address);

        [LoggerMessage(EventIds.KeysFailed, LogLevel.Warning, "No {What} ({Causes}); trying on")]
        public static partial void Failed(ILogger logger, string what, string causes);

        [LoggerMessage(EventIds.KeysHealed, LogLevel.Information, "The {What} come again from {Address}")]
        public static partial void Healed(ILogger logger, string what, string address);

        [LoggerMessage(EventIds.KeySkipped, LogLevel.Warning, "Left out a key published by {Address}: {Cause}")]
        public static partial void Skipped(ILogger logger, string address, string cause);
    }
}
