using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Pruning;

/// <summary>Rows that nothing asks for any more.</summary>
internal interface IPrunable
{
    /// <summary>What the rows are, for the log.</summary>
    string Rows { get; }

    /// <summary>Deletes the next few hundred, without a lock that anyone would notice.</summary>
    /// <returns>False when there may be more.</returns>
    Task<bool> PruneAsync(DateTimeOffset now, CancellationToken cancellationToken);
}

/// <summary>Deletes expired rows in the background (T-12).</summary>
internal sealed partial class Pruner(IEnumerable<IPrunable> prunables, Current<PruningOptions> options, TimeProvider time, ILogger<Pruner> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await Task.Delay(Entropy.Jitter(options.Value.Interval), time, stoppingToken);
                foreach (var prunable in prunables) await PruneAsync(prunable, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops.
        }
    }

    // Whatever goes wrong is tried again at the next turn: an exception that leaves here would end the process.
    private async Task PruneAsync(IPrunable prunable, CancellationToken cancellationToken)
    {
        try
        {
            while (!await prunable.PruneAsync(time.GetUtcNow(), cancellationToken)) await Task.Yield();
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Log.Failed(logger, prunable.Rows, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.PruningFailed, LogLevel.Error, "The {Rows} were not pruned; they will be tried again")]
        public static partial void Failed(ILogger logger, string rows, Exception exception);
    }
}
