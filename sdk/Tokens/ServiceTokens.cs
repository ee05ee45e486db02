using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>One cached token for each service and scope, fetched once for all who wait and renewed before it ends.</summary>
internal sealed partial class ServiceTokens(TokenRequests requests, TimeProvider time, ILogger<ServiceTokens> log) : IServiceTokens
{
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private readonly ConcurrentDictionary<(string Service, string? Scope), Slot> _slots = new();

    public async Task<string> GetTokenAsync(string service, string? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(service);
        var slot = _slots.GetOrAdd((service, string.IsNullOrWhiteSpace(scope) ? null : scope), static _ => new Slot());
        Task<Token> fetch;
        lock (slot)
        {
            var free = slot.Fetch is null && (slot.Failure is null || time.GetElapsedTime(slot.FailedAt) >= slot.Wait);
            if (slot.Token is { } token && token.Fetched.Age(time) is var age && age < token.UsableFor)
            {
                if (free && age >= token.RefreshAfter) slot.Fetch = FetchAsync(slot, service, scope);
                return token.Value;
            }
            if (slot.Fetch is null && !free) throw Again(slot.Failure!);
            fetch = slot.Fetch ??= FetchAsync(slot, service, scope);
        }
        try
        {
            // One caller that gives up leaves the fetch to the others.
            return (await fetch.WaitAsync(cancellationToken)).Value;
        }
        catch (TokenException e)
        {
            throw Again(e); // each caller its own exception: stack traces of one instance thrown often grow together
        }
    }

    public void Discard(string token)
    {
        foreach (var slot in _slots.Values)
        {
            lock (slot)
            {
                if (slot.Token?.Value == token) slot.Token = null;
            }
        }
    }

    private Task<Token> FetchAsync(Slot slot, string service, string? scope)
    {
        var fetch = Task.Run(async () =>
        {
            try
            {
                var issued = await requests.SendAsync(service, scope);
                // A life too short for the margin is used by half, not fetched again for every call.
                var margin = issued.Lifetime / 2 < Margin ? issued.Lifetime / 2 : Margin;
                var token = new Token(issued.Value, Moment.Now(time), issued.Lifetime - margin, issued.Lifetime * 0.8);
                lock (slot) (slot.Token, slot.Fetch, slot.Failure, slot.Pause) = (token, null, null, FirstPause);
                Log.Fetched(log, service, issued.Lifetime);
                return token;
            }
            catch (TokenException e)
            {
                Failed(slot, e);
                Log.Failed(log, service, e.Message);
                throw;
            }
            catch (Exception e)
            {
                var failure = new TokenException("temporarily_unavailable", $"no token for {service}: {e.GetType().Name}", e);
                Failed(slot, failure);
                Log.Failed(log, service, failure.Message);
                throw failure;
            }
        });
        // Nobody may be waiting for a refresh in the background; the failure has been recorded and logged.
        _ = fetch.ContinueWith(static task => task.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return fetch;
    }

    /// <summary>A token service that is down or refuses is left alone for a moment, longer each time.</summary>
    private void Failed(Slot slot, TokenException failure)
    {
        lock (slot)
        {
            (slot.Fetch, slot.Failure, slot.FailedAt, slot.Wait) = (null, failure, time.GetTimestamp(), Entropy.Jitter(slot.Pause, 0.2));
            slot.Pause = TimeSpan.FromTicks(Math.Min(slot.Pause.Ticks * 2, LongestPause.Ticks));
        }
    }

    private static TokenException Again(TokenException failure) => new(failure.Error, failure.Message, failure);

    private sealed class Slot
    {
        public Token? Token { get; set; }
        public Task<Token>? Fetch { get; set; }
        public TokenException? Failure { get; set; }
        public long FailedAt { get; set; }
        public TimeSpan Wait { get; set; }
        public TimeSpan Pause { get; set; } = FirstPause;
    }

    // No record: those print what they hold.
    private sealed class Token(string value, Moment fetched, TimeSpan usableFor, TimeSpan refreshAfter)
    {
        public string Value => value;
        public Moment Fetched => fetched;
        public TimeSpan UsableFor => usableFor;
        public TimeSpan RefreshAfter => refreshAfter;
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.TokenFetched, LogLevel.Debug, "Got a token for {Service}, good for {Lifetime}")]
        public static partial void Fetched(ILogger logger, string service, TimeSpan lifetime);

        [LoggerMessage(EventIds.TokenFailed, LogLevel.Warning, "No token for {Service}: {Reason}")]
        public static partial void Failed(ILogger logger, string service, string reason);
    }
}
