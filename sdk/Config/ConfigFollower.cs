using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>Follows changes of the configuration while the service runs.</summary>
internal sealed partial class ConfigFollower(
    ConfigState state, IEnumerable<IConfigurationCheck> checks, TimeProvider time, ILogger<ConfigFollower> log) : BackgroundService
{
    // A change must be in force within two seconds, also right after a restart of the server.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);
    // Between two answers of a server that holds requests: a burst of saves is one change.
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(100);

    private TimeSpan _pause = ShortestPause;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (state.FromKept) Log.Failed(log, state.Client.Address, state.Fault ?? "unknown");
        else Keep();
        try
        {
            while (true)
            {
                var next = await TurnAsync(stoppingToken);
                await Task.Delay(next, time, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops.
        }
    }

    /// <summary>Asks once; whatever goes wrong, the next turn comes.</summary>
    /// <returns>The pause until then.</returns>
    private async Task<TimeSpan> TurnAsync(CancellationToken cancellationToken)
    {
        try
        {
            var asked = time.GetTimestamp();
            // After a failure the first question is whether the server is back: an answer at once, not a held request.
            var answer = await state.Client.FetchAsync(state.ETag, hold: state.Fault is null, cancellationToken);
            if (answer.Fault is { } fault)
            {
                var wait = Entropy.Jitter(_pause, 0.2);
                _pause = TimeSpan.FromTicks(Math.Min(_pause.Ticks * 2, (LongestPause / 1.2).Ticks));
                if (state.Fault != fault) Log.Failed(log, state.Client.Address, fault);
                state.Fault = fault;
                return wait;
            }
            _pause = ShortestPause;
            Take(answer);
            // A server that does not hold requests is polled; one that says it holds them and does not is not hammered.
            var hurry = answer.Held && (answer.HasEnvironment || time.GetElapsedTime(asked) > LongestPause);
            return hurry ? ShortestPause : LongestPause;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            var fault = $"an error of this service ({e.GetType().Name})";
            // Once, not at every turn.
            if (state.Fault != fault) Log.Unexpected(log, e);
            state.Fault = fault;
            return LongestPause;
        }
    }

    private void Take(ConfigAnswer answer)
    {
        if (state.Fault is not null) Log.Reached(log, state.Client.Address);
        state.Fault = null;
        state.ETag = answer.ETag;
        if (answer.HasEnvironment)
        {
            var changed = answer.Text != state.Text;
            state.Refused = state.Apply(answer.Text, answer.Environment, checks);
            if (state.Refused is { } refused)
            {
                Log.Refused(log, answer.Environment.Version, refused);
                return;
            }
            if (changed)
            {
                Log.Changed(log, answer.Environment.Version);
                ConfigWarnings.Write(log, state);
            }
            Keep();
        }
        state.FromKept = false;
        state.ConfirmedAt = time.GetUtcNow();
    }

    private void Keep()
    {
        try
        {
            state.Kept.Write(state.Text, state.ConfirmedAt);
        }
        // Whatever a disk or a path can do wrong, the configuration is in force.
        catch (Exception e)
        {
            Log.NotKept(log, e.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.ConfigFollowFailed, LogLevel.Error, "The configuration could not be followed; trying again")]
        public static partial void Unexpected(ILogger logger, Exception exception);

        [LoggerMessage(EventIds.ConfigFetchFailed, LogLevel.Warning, "The configuration server at {Url}: {Reason}; the configuration in force stays")]
        public static partial void Failed(ILogger logger, Uri url, string reason);

        [LoggerMessage(EventIds.ConfigReached, LogLevel.Information, "The configuration server at {Url} answers again")]
        public static partial void Reached(ILogger logger, Uri url);

        [LoggerMessage(EventIds.ConfigChanged, LogLevel.Information, "A changed configuration is in force (version {Version})")]
        public static partial void Changed(ILogger logger, string? version);

        [LoggerMessage(EventIds.ConfigRefused, LogLevel.Error, "The changed configuration (version {Version}) was refused, the one before stays in force: {Reason}")]
        public static partial void Refused(ILogger logger, string? version, string reason);

        [LoggerMessage(EventIds.ConfigKeptNotWritten, LogLevel.Warning, "The configuration cannot be kept for a start without the server: {Reason}")]
        public static partial void NotKept(ILogger logger, string reason);
    }
}
