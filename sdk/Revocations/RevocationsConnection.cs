using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>How a connection to the feed ended.</summary>
internal enum FeedEnd
{
    /// <summary>The server, the network or the silence ended it.</summary>
    Cut,

    /// <summary>The server wants another token.</summary>
    Token,

    /// <summary>Everything must come again: ask at once.</summary>
    Again,

    /// <summary>This service may not follow.</summary>
    Refused,
}

/// <summary>One connection to the feed, from the request to its end.</summary>
internal sealed partial class RevocationsConnection(IServiceTokens tokens, TimeProvider time, ILogger<RevocationsConnection> logger) : IDisposable
{
    /// <summary>The service that sends the feed, and the scope it asks for.</summary>
    private const string Service = "auth-service";
    private const string Scope = "revocations.read";

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };
    private readonly HttpClient _http = Client();

    /// <summary>Follows until the connection ends; whatever the server does, the end is a value.</summary>
    /// <param name="memory">Where the revocations go.</param>
    /// <param name="address">Base address of the token service.</param>
    /// <param name="heard">Called when nothing is missing any more.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The end and, when there is one to tell, the cause.</returns>
    public async Task<(FeedEnd End, string? Cause)> FollowAsync(TokenRevocations memory, string address, Action heard, CancellationToken cancellationToken)
    {
        using var silence = new CancellationTokenSource(TokenRevocations.LongestSilence, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, silence.Token);
        try
        {
            var token = await tokens.GetTokenAsync(Service, Scope, stop.Token);
            using var request = new HttpRequestMessage(HttpMethod.Get, $"{address}/uaa/revocations?after={memory.Place.ToString(CultureInfo.InvariantCulture)}");
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            request.Headers.Accept.ParseAdd("text/event-stream");
            silence.CancelAfter(MeshHttp.RequestLimit);
            using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop.Token);
            silence.CancelAfter(TokenRevocations.LongestSilence);
            if (answer.StatusCode == HttpStatusCode.Unauthorized)
            {
                tokens.Discard(token);
                return (FeedEnd.Token, "the token was refused");
            }
            if (answer.StatusCode == HttpStatusCode.Forbidden) return (FeedEnd.Refused, $"status 403: this client must be allowed the scope {Scope}");
            if (answer.StatusCode != HttpStatusCode.OK) return (FeedEnd.Cut, $"status {(int)answer.StatusCode}");
            if (answer.Content.Headers.ContentType?.MediaType != "text/event-stream") return (FeedEnd.Cut, "its answer is no stream of events");

            await using var body = await answer.Content.ReadAsStreamAsync(stop.Token);
            var ended = await ReadAsync(memory, new EventStream(body), silence, heard, stop.Token);
            if (ended.End == FeedEnd.Token) tokens.Discard(token);
            return ended;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (FeedEnd.Cut, "nothing was heard in time");
        }
        catch (TokenException e)
        {
            return (e.Error == "temporarily_unavailable" ? FeedEnd.Cut : FeedEnd.Refused, e.Message);
        }
        catch (HttpRequestException e)
        {
            return (FeedEnd.Cut, MeshHttp.Reason(e));
        }
        catch (InvalidDataException e)
        {
            return (FeedEnd.Cut, e.Message);
        }
        catch (IOException)
        {
            return (FeedEnd.Cut, "the connection broke");
        }
        finally
        {
            memory.Lost();
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<(FeedEnd End, string? Cause)> ReadAsync(
        TokenRevocations memory, EventStream events, CancellationTokenSource silence, Action heard, CancellationToken cancellationToken)
    {
        var feed = new Feed(memory, logger);
        while (await events.ReadAsync(cancellationToken))
        {
            (FeedEnd, string?)? end = null;
            var any = false;
            // All that has arrived is one change: a replay of thousands does not call back thousands of times.
            while (end is null && events.TryTake(out var name, out var data))
            {
                any |= Take(feed, name, data, out end);
            }
            var complete = any && feed.IsComplete;
            memory.Settle(complete);
            if (complete) heard();
            if (end is { } ended) return ended;
            if (any) silence.CancelAfter(TokenRevocations.LongestSilence);
        }
        return (FeedEnd.Cut, "the stream ended");
    }

    /// <returns>True when the event was understood: nothing else counts as heard.</returns>
    private static bool Take(Feed feed, string name, ReadOnlyMemory<byte> data, out (FeedEnd, string?)? end)
    {
        end = null;
        try
        {
            using var json = JsonDocument.Parse(data, Strict);
            if (json.RootElement.ValueKind == JsonValueKind.Object) return feed.Take(name, json.RootElement, out end);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // No JSON, or text that is none: refused below like everything that cannot be read.
        }
        return feed.Refuse(name, out end);
    }

    private static HttpClient Client()
    {
        var handler = MeshHttp.Handler();
        handler.AutomaticDecompression = DecompressionMethods.None; // a compressed stream is held back until a block is full
        handler.ResponseDrainTimeout = TimeSpan.Zero; // a stream has no end that could be waited for
        return new HttpClient(handler, disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>The order of events within one connection.</summary>
    private sealed class Feed(TokenRevocations memory, ILogger logger)
    {
        private readonly long _asked = memory.Place;
        private long? _head;
        private bool _refusedOne;

        /// <summary>Everything that was kept when the connection began has come.</summary>
        public bool IsComplete { get; private set; }

        public bool Take(string name, JsonElement data, out (FeedEnd, string?)? end)
        {
            end = null;
            if (name == "end")
            {
                end = (data.TryGetProperty("reason", out var reason) && reason.ValueEquals("token"u8) ? FeedEnd.Token : FeedEnd.Cut, "the token service ended the stream");
                return true;
            }
            if (name == "revocation" && _head is not null)
            {
                if (Revocation.Read(data) is not { } revocation) return Refuse(name, out end);
                memory.Apply(revocation);
                Reached(revocation.Sequence);
                return true;
            }
            if (name.Length == 0 || Revocation.Whole(data, "sequence") is not { } sequence) return Refuse(name, out end);
            switch (name)
            {
                case "head" when _head is null:
                    _head = sequence;
                    // A number that was never given out: the database was put back. The server says so too; nothing depends on it.
                    if (_asked > sequence) return Restart(out end);
                    Reached(_asked);
                    return true;
                case "reset" when _head is not null:
                    _head = sequence;
                    return Restart(out end);
                case "heartbeat" when _head is not null:
                    Reached(sequence);
                    return true;
                default:
                    return Refuse(name, out end);
            }
        }

        /// <summary>What cannot be read is left out and the stream goes on; without its head it is no stream.</summary>
        public bool Refuse(string name, out (FeedEnd, string?)? end)
        {
            end = _head is null ? (FeedEnd.Cut, "its answer does not begin like the feed") : null;
            // Events of other names may come one day: whoever does not know them passes over them.
            if (_head is null || _refusedOne || name.Length == 0) return false;
            _refusedOne = true;
            Log.LeftOut(logger, name);
            return false;
        }

        private void Reached(long sequence) => IsComplete |= sequence >= _head;

        // The server goes on after the number it was asked for, and not all before it need be what it was.
        private bool Restart(out (FeedEnd, string?)? end)
        {
            memory.Restart();
            IsComplete = false;
            end = _asked > 0 ? (FeedEnd.Again, null) : null;
            if (_asked == 0) Reached(0);
            return true;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.RevocationLeftOut, LogLevel.Error, "An event of the revocations cannot be read and is left out ({Event}); further ones of this connection are not logged")]
        public static partial void LeftOut(ILogger logger, string @event);
    }
}
