using System.Data.Common;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;
using Microsoft.AspNetCore.Http.Features;

namespace SecureMesh.Auth.Revocation;

/// <summary>
/// Sends the revocations to those who follow. Nothing is kept for a follower but its place: what it has not taken yet is read
/// from memory or from the database when it is ready, and one that takes nothing is cut off.
/// </summary>
internal sealed partial class RevocationFeed(
    IRevocationRows rows, RevocationLog log, TokenVerifier verifier, IHostApplicationLifetime lifetime, Current<RevocationOptions> options, TimeProvider time,
    ILogger<RevocationFeed> logger)
{
    private const int Batch = 500;
    private int _followers;

    /// <summary>A place in the feed, or a refusal when all are taken.</summary>
    public async Task<IResult> JoinAsync(HttpContext http, VerifiedToken token, long? after, CancellationToken cancellationToken)
    {
        var (head, pruned) = await rows.HeadAsync(cancellationToken);
        // A number that was never given out is of another life of this database: all that is kept comes again.
        var (begin, reset) = after is not { } asked ? (head, false) : asked > head ? (0, true) : (asked, asked < pruned);
        if (Interlocked.Increment(ref _followers) <= options.Value.Followers)
        {
            var text = http.Request.Headers.Authorization.ToString();
            return new Follower(this, text[(text.IndexOf(' ', StringComparison.Ordinal) + 1)..], token.Client.Id, begin, head, reset);
        }
        Interlocked.Decrement(ref _followers);
        return new OAuthError(503, "uaa_unavailable", "Too many follow the revocations at this instance") { RetryAfter = TimeSpan.FromSeconds(5) };
    }

    private async Task SendAsync(HttpContext http, Follower follower)
    {
        var response = http.Response;
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        response.ContentType = "text/event-stream";
        Answer.Hide(response);
        response.Headers["X-Accel-Buffering"] = "no";
        Log.Joined(logger, follower.ClientId, follower.Begin);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        var reason = "stopping";
        try
        {
            await WriteAsync(http, FeedEvents.Head(follower.Head, time.GetUtcNow()), stop.Token);
            if (follower.Reset) await WriteAsync(http, FeedEvents.Reset(follower.Head), stop.Token);
            reason = await FollowAsync(http, follower, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The follower has gone, or the service stops.
        }
        catch (DbException)
        {
            reason = "unavailable";
        }
        if (!http.RequestAborted.IsCancellationRequested) await EndAsync(http, reason);
        Log.Left(logger, follower.ClientId, reason);
    }

    private async Task<string> FollowAsync(HttpContext http, Follower follower, CancellationToken cancellationToken)
    {
        var place = follower.Begin;
        while (true)
        {
            var next = log.NextAsync();
            var found = log.After(place) ?? await rows.ReadAsync(place, Batch, cancellationToken);
            if (found.Count > 0)
            {
                for (var i = 0; i < found.Count; i += Batch) await WriteAsync(http, FeedEvents.Of(found.Skip(i).Take(Batch)), cancellationToken);
                place = found[^1].Sequence;
            }
            var token = await verifier.VerifyAsync(follower.Token, cancellationToken);
            if (!token.IsSuccess || !token.Value.Scopes.Contains(RevocationsEndpoint.Scope, StringComparer.Ordinal)) return "token";
            if (found.Count > 0) continue;
            // What memory does not hold the database has; when it has nothing either, it was deleted because it concerned nothing.
            if (log.After(place) is null)
            {
                place = log.First - 1;
                continue;
            }
            if (await WaitAsync(next, token.Value.ExpiresAt, cancellationToken)) continue;
            if (time.GetUtcNow() < token.Value.ExpiresAt) await WriteAsync(http, FeedEvents.Heartbeat(Math.Max(place, log.Head), time.GetUtcNow()), cancellationToken);
        }
    }

    // True when there is something new; false at the next heartbeat, or when the follower's token ends.
    private async Task<bool> WaitAsync(Task next, DateTimeOffset tokenExpiresAt, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var left = tokenExpiresAt - time.GetUtcNow();
        var pause = left < options.Value.Heartbeat && left > TimeSpan.Zero ? left : options.Value.Heartbeat;
        var first = await Task.WhenAny(next, Task.Delay(pause, time, over.Token));
        await over.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
        return first == next;
    }

    private async Task WriteAsync(HttpContext http, byte[] events, CancellationToken cancellationToken)
    {
        // Real time, whatever the clock: it is about the network.
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.Value.StallLimit);
        try
        {
            await http.Response.Body.WriteAsync(events, limit.Token);
            await http.Response.Body.FlushAsync(limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            http.Abort();
            throw;
        }
    }

    private async Task EndAsync(HttpContext http, string reason)
    {
        using var brief = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            await WriteAsync(http, FeedEvents.End(reason), brief.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // It hears of the end by the end of the connection.
        }
    }

    private void Leave() => Interlocked.Decrement(ref _followers);

    private sealed class Follower(RevocationFeed feed, string token, string clientId, long begin, long head, bool reset) : IResult
    {
        public string Token => token;
        public string ClientId => clientId;
        public long Begin => begin;
        public long Head => head;
        public bool Reset => reset;

        public async Task ExecuteAsync(HttpContext httpContext)
        {
            try
            {
                await feed.SendAsync(httpContext, this);
            }
            finally
            {
                feed.Leave();
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.FollowerJoined, LogLevel.Information, "{ClientId} follows the revocations after {Sequence}")]
        public static partial void Joined(ILogger logger, string clientId, long sequence);

        [LoggerMessage(EventIds.FollowerLeft, LogLevel.Information, "{ClientId} follows the revocations no longer: {Reason}")]
        public static partial void Left(ILogger logger, string clientId, string reason);
    }
}
