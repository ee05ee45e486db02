using System.Diagnostics;
using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Audit;

/// <summary>
/// Stores the events in batches behind the requests, so that none waits for it (docs/decisions/0012). While the database is away
/// they wait in a bounded queue; what does not fit is written to the log as an error, so that it is lost nowhere without a word.
/// </summary>
internal sealed partial class StoredAudit : BackgroundService, IAudit
{
    private const int MostWaiting = 20_000;
    private const int Batch = 100;
    private const int LongestText = 500;

    // Refusals cost a stranger nothing: a flood of them is counted, not kept one by one.
    private const int RefusalsPerSecond = 50;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LastFlush = TimeSpan.FromSeconds(2);
    private readonly Channel<AuditRow> _waiting = Channel.CreateBounded<AuditRow>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });
    private readonly IAuditRows _rows;
    private readonly TimeProvider _time;
    private readonly ILogger<StoredAudit> _logger;
    private readonly LogBudget _refusals;
    private readonly LogBudget _lines;

    public StoredAudit(IAuditRows rows, TimeProvider time, IOptions<MeshOptions> mesh, ILogger<StoredAudit> logger)
    {
        (_rows, _time, _logger) = (rows, time, logger);
        _refusals = new LogBudget(RefusalsPerSecond, count => Enqueue(new AuditEvent("refusals.left_out") { Reason = $"{count} more refusals" }));
        _lines = new LogBudget(mesh.Value.LoggedSuccessesPerSecond, count => Log.LeftOut(logger, count));
    }

    public void Record(AuditEvent entry)
    {
        AuthMeter.Audited.Add(1, new KeyValuePair<string, object?>("type", entry.Type));
        if (entry.Type.EndsWith(".refused", StringComparison.Ordinal) && !_refusals.TryTake()) return;
        Enqueue(entry);
    }

    private void Enqueue(AuditEvent entry)
    {
        var safe = entry with
        {
            ClientId = Safe(entry.ClientId),
            UserId = Safe(entry.UserId),
            TokenId = Safe(entry.TokenId),
            SessionId = Safe(entry.SessionId),
            Reason = Safe(entry.Reason),
        };
        if (!_waiting.Writer.TryWrite(new AuditRow(safe, _time.GetUtcNow(), Activity.Current?.TraceId.ToHexString())))
        {
            AuthMeter.AuditLost.Add(1);
            Log.NotStored(_logger, safe.Type, safe.ClientId, safe.UserId, safe.TokenId, safe.SessionId, safe.Address, safe.Reason);
        }
        else if (_logger.IsEnabled(LogLevel.Information) && _lines.TryTake())
            Log.Recorded(_logger, safe.Type, safe.ClientId, safe.UserId, safe.TokenId, safe.SessionId, safe.Address, safe.Reason);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // To the end of the queue: StopAsync closes it.
        while (await _waiting.Reader.WaitToReadAsync(CancellationToken.None))
        {
            // A moment in which a batch gathers; one commit for many.
            if (!stoppingToken.IsCancellationRequested && _waiting.Reader.Count < Batch) await Task.Delay(Pause, TimeProvider.System, CancellationToken.None);
            var batch = new List<AuditRow>(Batch);
            while (batch.Count < Batch && _waiting.Reader.TryRead(out var row)) batch.Add(row);
            await StoreAsync(batch, stoppingToken);
        }
    }

    // Tried until it succeeds, or until the service has stopped long ago.
    private async Task StoreAsync(List<AuditRow> batch, CancellationToken stoppingToken)
    {
        var stopped = (long?)null;
        for (var wait = TimeSpan.FromMilliseconds(100); ; wait = wait * 2 < LongestRetry ? wait * 2 : LongestRetry)
        {
            try
            {
                await _rows.AddAsync(batch, CancellationToken.None);
                return;
            }
            catch (Exception e)
            {
                if (stoppingToken.IsCancellationRequested) stopped ??= TimeProvider.System.GetTimestamp();
                if (stopped is { } since && TimeProvider.System.GetElapsedTime(since) > LastFlush / 2)
                {
                    foreach (var (entry, _, _) in batch) Log.NotStored(_logger, entry.Type, entry.ClientId, entry.UserId, entry.TokenId, entry.SessionId, entry.Address, entry.Reason);
                    return;
                }
                Log.Delayed(_logger, batch.Count, e);
                await Task.Delay(stoppingToken.IsCancellationRequested ? TimeSpan.FromMilliseconds(100) : wait, TimeProvider.System, stoppingToken).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _refusals.Dispose();
        _waiting.Writer.TryComplete();
        using var limit = new CancellationTokenSource(LastFlush);
        await base.StopAsync(limit.Token);
        _lines.Dispose();
    }

    // One line each, whatever a name holds, and no longer than is useful.
    private static string? Safe(string? text)
    {
        if (text is null || (text.Length <= LongestText && !text.Any(char.IsControl))) return text;
        var shown = text.Length > LongestText ? text[..LongestText] : text;
        return string.Create(shown.Length, shown, (target, source) =>
        {
            for (var i = 0; i < source.Length; i++) target[i] = char.IsControl(source[i]) || char.IsSurrogate(source[i]) ? '?' : source[i];
        });
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.Audited, LogLevel.Information, "{Event} {ClientId} {UserId} {TokenId} {SessionId} {Address} {Reason}")]
        public static partial void Recorded(
            ILogger logger, string @event, string? clientId, string? userId, string? tokenId, string? sessionId, IPAddress? address, string? reason);

        [LoggerMessage(EventIds.AuditLost, LogLevel.Error, "Not in the audit table: {Event} {ClientId} {UserId} {TokenId} {SessionId} {Address} {Reason}")]
        public static partial void NotStored(
            ILogger logger, string @event, string? clientId, string? userId, string? tokenId, string? sessionId, IPAddress? address, string? reason);

        [LoggerMessage(EventIds.AuditDelayed, LogLevel.Error, "{Count} audit events could not be stored; they are tried again")]
        public static partial void Delayed(ILogger logger, int count, Exception exception);

        [LoggerMessage(EventIds.AuditLeftOut, LogLevel.Information, "{Count} more audit events in the last second")]
        public static partial void LeftOut(ILogger logger, long count);
    }
}
