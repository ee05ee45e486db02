using Dapper;
using Npgsql;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Revocation;

/// <summary>
/// Hears what other instances change: one connection listens, and comes back by itself. Whatever was told meanwhile is made up
/// for: revocations by their numbers, caches by forgetting everything.
/// </summary>
internal sealed partial class ChangeListener(
    SqlDatabase database, RevocationFollower revocations, RevocationWake wake, Invalidations invalidations, Current<RevocationOptions> options,
    ILogger<ChangeListener> logger) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                try
                {
                    await (database.Engine == SqlEngine.PostgreSql ? ListenAsync(stoppingToken) : PollAsync(stoppingToken));
                }
                catch (Exception e) when (!stoppingToken.IsCancellationRequested)
                {
                    // An exception that leaves here would end the process; the database will be back.
                    Log.Lost(logger, e);
                }
                await Task.Delay(Entropy.Jitter(Pause, 0.5), TimeProvider.System, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops.
        }
    }

    // Real time, whatever the clock: it is about the network.
    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        await using var connection = (NpgsqlConnection)await database.OpenAsync(cancellationToken);
        connection.Notification += (_, told) => Hear(told.Payload);
        var channel = await connection.ExecuteScalarAsync<string>(new CommandDefinition($"SELECT {Notifications.Channel}", cancellationToken: cancellationToken));
        await connection.ExecuteAsync(new CommandDefinition($"LISTEN \"{channel}\"", cancellationToken: cancellationToken));
        invalidations.Flush();
        while (true)
        {
            await revocations.CatchUpAsync(cancellationToken);
            if (await connection.WaitAsync(options.Value.Poll, cancellationToken)) continue;
            // A connection that died without a word is found out by using it.
            await connection.ExecuteAsync(new CommandDefinition($"LISTEN \"{channel}\"", commandTimeout: 5, cancellationToken: cancellationToken));
        }
    }

    private async Task PollAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var next = wake.NextAsync();
            await revocations.CatchUpAsync(cancellationToken);
            await Task.WhenAny(next, Task.Delay(options.Value.Poll, TimeProvider.System, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    // Revocations are read by the loop that woke up; only what must be forgotten is told here.
    private void Hear(string payload)
    {
        if (Notifications.ReadInvalidation(payload) is var (topic, id)) invalidations.Deliver(topic, id);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.ListenerLost, LogLevel.Warning, "The changes of other instances are not heard at this moment; what was missed is made up for")]
        public static partial void Lost(ILogger logger, Exception exception);
    }
}

/// <summary>Wakes the listener when this process has revoked something and no database tells it.</summary>
internal sealed class RevocationWake
{
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Done at the next call of <see cref="Wake"/>.</summary>
    public Task NextAsync() => Volatile.Read(ref _next).Task;

    public void Wake() => Interlocked.Exchange(ref _next, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
}
