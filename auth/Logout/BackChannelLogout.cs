using System.Data.Common;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Outbound;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;

namespace SecureMesh.Auth.Logout;

/// <summary>
/// Tells applications that a session has ended (OpenID Connect Back-Channel Logout §2.5). What is to be told stands in a table,
/// so nothing is lost with the process; each application is served apart, so that a slow one delays nobody (OP-BC-06).
/// </summary>
internal sealed partial class BackChannelLogout(
    ILogoutNotices notices, IClients clients, LogoutTokens tokens, OutboundClient outbound, LogoutBell bell, IAudit audit, TimeProvider time,
    ILogger<BackChannelLogout> logger) : BackgroundService
{
    private const int OfEachClient = 4;

    // The pauses after the first and the second try; after the third it is given up.
    private static readonly TimeSpan[] Backoff = [TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30)];

    // Longer than any try takes: whoever claimed a notice and vanished is taken over from after this.
    private static readonly TimeSpan Claimed = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _underWay = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                foreach (var notice in await notices.DueAsync(time.GetUtcNow(), OfEachClient, stoppingToken))
                    if (Enter(notice.ClientId)) _ = TryAsync(notice, stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                Log.Unreadable(logger, e);
            }
            await WaitAsync(stoppingToken);
        }
    }

    private async Task WaitAsync(CancellationToken stoppingToken)
    {
        using var interval = new CancellationTokenSource(Interval, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(interval.Token, stoppingToken);
        try
        {
            await bell.HeardAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            // Time to look, or to stop.
        }
    }

    // Takes every exception itself: nobody waits for this task.
    private async Task TryAsync(LogoutNotice notice, CancellationToken cancellationToken)
    {
        await Task.Yield();
        try
        {
            if (await notices.TryClaimAsync(notice, time.GetUtcNow() + Claimed, cancellationToken)) await DeliverAsync(notice, cancellationToken);
        }
        catch (Exception e) when (e is DbException or OperationCanceledException)
        {
            // The row stays, and with it the notice; it is due again in a while.
            if (!cancellationToken.IsCancellationRequested) Log.Unreadable(logger, e);
        }
        catch (Exception e)
        {
            Log.Failed(logger, notice.ClientId, notice.SessionId, notice.Tries + 1, e.GetType().Name);
        }
        finally
        {
            Leave(notice.ClientId);
            bell.Ring();
        }
    }

    private async Task DeliverAsync(LogoutNotice notice, CancellationToken cancellationToken)
    {
        var client = await clients.FindAsync(notice.ZoneId, notice.ClientId, cancellationToken);
        if (client?.Metadata.BackchannelLogoutUri is not { } address)
        {
            await notices.RemoveAsync(notice.Id, cancellationToken);
            return;
        }
        var token = tokens.Write(client, notice, time.GetUtcNow());
        var answer = await outbound.PostFormAsync(address, [new("logout_token", token)], cancellationToken);
        if (answer.IsSuccess && answer.Value.Status is >= 200 and < 300)
        {
            await notices.RemoveAsync(notice.Id, cancellationToken);
            Log.Delivered(logger, notice.ClientId, notice.SessionId);
            return;
        }
        var reason = answer.IsSuccess ? $"status {answer.Value.Status}" : answer.Error;
        Log.Failed(logger, notice.ClientId, notice.SessionId, notice.Tries + 1, reason);
        if (notice.Tries < Backoff.Length)
        {
            await notices.PostponeAsync(notice.Id, time.GetUtcNow() + Backoff[notice.Tries], cancellationToken);
            return;
        }
        await notices.RemoveAsync(notice.Id, cancellationToken);
        audit.Record(new AuditEvent("logout.undelivered") { ClientId = notice.ClientId, UserId = notice.UserId, SessionId = notice.SessionId, Reason = OAuthError.Printable(reason) });
    }

    private bool Enter(string clientId)
    {
        lock (_gate)
        {
            var others = _underWay.GetValueOrDefault(clientId);
            if (others >= OfEachClient) return false;
            _underWay[clientId] = others + 1;
            return true;
        }
    }

    private void Leave(string clientId)
    {
        lock (_gate)
            if (--_underWay[clientId] == 0) _underWay.Remove(clientId);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.LogoutNoticeDelivered, LogLevel.Information, "Told {ClientId} that session {SessionId} has ended")]
        public static partial void Delivered(ILogger logger, string clientId, string sessionId);

        [LoggerMessage(EventIds.LogoutNoticeFailed, LogLevel.Warning, "Could not tell {ClientId} that session {SessionId} has ended, try {Try}: {Reason}")]
        public static partial void Failed(ILogger logger, string clientId, string sessionId, int @try, string reason);

        [LoggerMessage(EventIds.LogoutNoticesUnreadable, LogLevel.Error, "The notices of ended sessions cannot be read or written; they will be tried again")]
        public static partial void Unreadable(ILogger logger, Exception exception);
    }
}
