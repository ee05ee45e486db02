namespace SecureMesh.Account.Registration;

/// <summary>Undoes, at the start and from time to time, the registrations that a crash or an unreachable auth left half done.</summary>
internal sealed partial class UnfinishedRegistrations(
    IRegistrations registrations, Registrar registrar, TimeProvider time, ILogger<UnfinishedRegistrations> logger) : BackgroundService
{
    /// <summary>How old a registration is before it counts as left behind; far more than one can take.</summary>
    public static readonly TimeSpan Age = TimeSpan.FromMinutes(1);

    public static readonly TimeSpan Period = TimeSpan.FromSeconds(15);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        do await SweepAsync(stoppingToken);
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task SweepAsync(CancellationToken stoppingToken)
    {
        try
        {
            foreach (var left in await registrations.UnfinishedAsync(time.GetUtcNow() - Age, stoppingToken))
            {
                stoppingToken.ThrowIfCancellationRequested();
                await registrar.TryUndoAsync(left.Name, left.Key, isOver: true); // what fails is logged, and comes again the next time
            }
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            Log.Failed(logger, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.SweepFailed, LogLevel.Error, "Unfinished registrations could not be undone; will be tried again")]
        public static partial void Failed(ILogger logger, Exception exception);
    }
}
