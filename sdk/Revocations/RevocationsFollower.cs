using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Keeps one connection to the feed, at whichever address of the token service gives one.</summary>
internal sealed partial class RevocationsFollower(
    ITokenRevocations revocations, RevocationsConnection connection, IOptionsMonitor<MeshOptions> options, TimeProvider time, ILogger<RevocationsFollower> logger)
    : BackgroundService
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    // A wrong secret shown more often would use up what the token service allows this address (auth:limits).
    private static readonly TimeSpan LongestRefusedPause = TimeSpan.FromSeconds(30);

    // A connection that was good for so long is no failure, whatever ended it; one that ends sooner is not begun again at once.
    private static readonly TimeSpan Held = TimeSpan.FromSeconds(3);

    private TimeSpan _pause = ShortestPause;
    private string? _good;
    private bool _cut;
    private bool _unexpected;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (revocations is not TokenRevocations memory) return; // the service brings its own revocations
        if (RevocationClientOptions.NotFollowing(options.CurrentValue) is { } why)
        {
            Log.NotFollowed(logger, why);
            return;
        }
        try
        {
            while (true)
            {
                var next = await TurnAsync(memory, stoppingToken);
                memory.Sweep();
                await Task.Delay(Entropy.Jitter(next, 0.3), time, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops.
        }
    }

    /// <summary>Follows at the address that was good last, then at the others in order; whatever goes wrong, the next turn comes.</summary>
    /// <returns>The pause until then.</returns>
    private async Task<TimeSpan> TurnAsync(TokenRevocations memory, CancellationToken cancellationToken)
    {
        try
        {
            var (held, refused, causes) = (false, false, new List<string>());
            foreach (var address in options.CurrentValue.Auth.Addresses().OrderBy(address => address != _good))
            {
                var ended = await FollowAsync(memory, address, cancellationToken);
                held |= ended.Held;
                refused |= ended.End == FeedEnd.Refused;
                causes.Add($"{address}: {ended.Cause}");
            }
            // Once, not at every turn; and not when the next turn may follow again at once.
            if (!held && !_cut) Log.Cut(logger, string.Join("; ", causes));
            _cut |= !held;
            return Pause(held, refused);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            if (!_unexpected) Log.Unexpected(logger, e);
            _unexpected = true;
            return Pause(held: false, refused: false);
        }
    }

    private async Task<(FeedEnd End, string? Cause, bool Held)> FollowAsync(TokenRevocations memory, string address, CancellationToken cancellationToken)
    {
        var held = false;
        var retried = false;
        while (true)
        {
            long? heard = null;
            var (end, cause) = await connection.FollowAsync(memory, address, () => heard ??= Heard(memory, address), cancellationToken);
            held |= heard is { } since && time.GetElapsedTime(since) >= Held;
            if (end is not (FeedEnd.Token or FeedEnd.Again) || retried) return (end, cause, held);
            retried = true;
        }
    }

    private long Heard(TokenRevocations memory, string address)
    {
        if (_cut || _good != address) Log.Followed(logger, address, memory.Place, memory.Count);
        (_good, _cut, _unexpected) = (address, false, false);
        return time.GetTimestamp();
    }

    private TimeSpan Pause(bool held, bool refused)
    {
        if (held) _pause = ShortestPause;
        var (pause, longest) = (_pause, refused ? LongestRefusedPause : LongestPause);
        _pause = pause * 2 < longest ? pause * 2 : longest;
        return pause;
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.RevocationsNotFollowed, LogLevel.Information, "This service does not follow revocations, tokens are good until they expire: {Why}")]
        public static partial void NotFollowed(ILogger logger, string why);

        [LoggerMessage(EventIds.RevocationsFollowed, LogLevel.Information, "The revocations come from {Address}: up to number {Sequence}, {Count} in force")]
        public static partial void Followed(ILogger logger, string address, long sequence, int count);

        [LoggerMessage(EventIds.RevocationsCut, LogLevel.Warning, "No revocations from the token service ({Causes}); trying on")]
        public static partial void Cut(ILogger logger, string causes);

        [LoggerMessage(EventIds.RevocationsFailed, LogLevel.Error, "The revocations could not be followed; trying again")]
        public static partial void Unexpected(ILogger logger, Exception exception);
    }
}
