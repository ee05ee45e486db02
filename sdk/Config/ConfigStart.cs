using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>Waits at the start for the configuration, before the host exists.</summary>
internal sealed partial class ConfigStart(ConfigState state, ConfigClientOptions options, Func<ILogger> log, TimeProvider time)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan SayEvery = TimeSpan.FromSeconds(3);

    /// <summary>Returns when a configuration is in force; without server and kept configuration it waits on for ever.</summary>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var said = TimeSpan.MinValue;
        var pause = FirstPause;
        var triedKept = false;
        while (true)
        {
            var answer = await state.Client.FetchAsync(null, hold: false, cancellationToken);
            if (answer.HasEnvironment)
            {
                Use(answer.Text, answer.Environment);
                state.ETag = answer.ETag;
                state.ConfirmedAt = time.GetUtcNow();
                state.Fault = null;
                return;
            }
            state.Fault = answer.Fault ?? "it answered 304 to an unconditional request";
            var waited = time.GetElapsedTime(started);
            if (!triedKept && waited >= options.FallbackAfter)
            {
                triedKept = true;
                if (UseKept()) return;
            }
            if (said == TimeSpan.MinValue || waited - said >= SayEvery)
            {
                said = waited;
                Log.Waiting(log(), state.Client.Address, state.Fault);
            }
            await Task.Delay(Entropy.Jitter(pause, 0.2), time, cancellationToken);
            pause = TimeSpan.FromTicks(Math.Min((long)(pause.Ticks * 1.5), LongestPause.Ticks));
        }
    }

    private bool UseKept()
    {
        var kept = state.Kept.Read(out var fault);
        if (kept is null || !ConfigEnvironment.TryParse(kept.Environment!, out var environment, out fault))
        {
            if (fault is not null) Log.KeptUnusable(log(), fault);
            return false;
        }
        Use(kept.Environment!, environment);
        state.ConfirmedAt = kept.FetchedAt;
        state.FromKept = true;
        Log.UsesKept(log(), state.Client.Address, state.Fault!, kept.FetchedAt);
        return true;
    }

    private void Use(string text, ConfigEnvironment environment)
    {
        if (state.Apply(text, environment) is { } refused) throw new MeshStartException("the configuration cannot be used: " + refused);
        ConfigWarnings.Write(log(), state);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.ConfigWaiting, LogLevel.Warning, "Waiting for the configuration server at {Url}: {Reason}")]
        public static partial void Waiting(ILogger logger, Uri url, string reason);

        [LoggerMessage(EventIds.ConfigKept, LogLevel.Warning, "Starting with the configuration kept at {KeptAt:u}: the configuration server at {Url}: {Reason}")]
        public static partial void UsesKept(ILogger logger, Uri url, string reason, DateTimeOffset keptAt);

        [LoggerMessage(EventIds.ConfigKeptUnusable, LogLevel.Warning, "The kept configuration is not used: {Reason}")]
        public static partial void KeptUnusable(ILogger logger, string reason);
    }
}
