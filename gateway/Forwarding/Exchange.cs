using Microsoft.Extensions.Primitives;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Passport;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Forwarding;

/// <summary>One request on its way to a service: for whom, how long it may take, where it has been, and whether its body was touched.</summary>
/// <remarks>
/// The time runs until the response headers, and anew with each piece of the request body: a long upload, a stream and a
/// WebSocket outlive it. The proxy's own idle time takes over then.
/// </remarks>
internal sealed class Exchange : IDisposable
{
    public const string Revoked = "the credential was revoked";
    public const string Expired = "the credential expired";
    public const string Deaf = "nobody has told for too long what was revoked";

    /// <summary>Milliseconds; a revocation is in force for all that is open long before the second that is promised.</summary>
    private const int Grace = 100;

    private const int Waiting = 0;
    private const int HasAnswer = 1;
    private const int WasLate = 2;
    private const int WasEnded = 3;
    private const int IsOver = 4;

    /// <summary>One that ended nothing serves the next exchange.</summary>
    [ThreadStatic]
    private static CancellationTokenSource? _spare;

    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _ended;
    private readonly TimeProvider _time;
    private readonly bool _hasBody;
    private List<Instance>? _tried;
    private bool _waits;
    private Service? _sendsTo;
    private UInt128 _network;
    private int _state;
    private long _late;
    private long _mayFinish;

    public Exchange(HttpContext http, Route route, Caller? caller, string? authorization, bool hasBody, TimeProvider time)
    {
        (Http, Route, Caller, Authorization) = (http, route, caller, authorization);
        (_caller, _time, _hasBody, Shown) = (http.RequestAborted, time, hasBody, http.Request.Headers.Authorization);
        (_ended, _spare) = (_spare ?? new(), null);
        Progress();
        if (hasBody) http.Request.Body = new WatchedBody(http.Request.Body, this);
    }

    public HttpContext Http { get; }

    public Route Route { get; }

    /// <summary>Null on a public route.</summary>
    public Caller? Caller { get; }

    /// <summary>What the caller showed; good when the request itself is over and its place taken by another.</summary>
    public StringValues Shown { get; }

    /// <summary>True when it was under way at the last turn of looking at credentials again: it is no matter of a moment.</summary>
    public bool IsLong { get; set; }

    /// <summary>True when his credential was looked at again and is good no more.</summary>
    public bool IsRefused { get; set; }

    /// <summary>What the service gets as <c>Authorization</c>; null when the caller's own header, if the route lets it pass, is it.</summary>
    public string? Authorization { get; private set; }

    /// <summary>Ends when the time is over or the exchange is ended; the caller's own leaving is another matter.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>Where <see cref="InFlight"/> keeps it; -1 when it has no place.</summary>
    public int Place { get; set; } = -1;

    /// <summary>What it waits for, or has waited for.</summary>
    public Service? Service { get; private set; }

    /// <summary>Where it goes although it was answered; null when the answer counts.</summary>
    public NextTry? Next { get; set; }

    /// <summary>Where the request has been.</summary>
    public List<Instance> Tried => _tried ?? (At is { } first ? [first] : []);

    /// <summary>To how many instances it was sent.</summary>
    public int Tries => _tried?.Count ?? (At is null ? 0 : 1);

    /// <summary>What each of them said before another one was tried, for explanations.</summary>
    public List<string>? Failures { get; private set; }

    /// <summary>The instance at which it is.</summary>
    public Instance? At { get; private set; }

    /// <summary>The era of that instance in which it was sent.</summary>
    public int Era { get; private set; }

    /// <summary>It finds out whether the instance is back.</summary>
    public bool IsProbe { get; private set; }

    /// <summary>Whether any of the request body was asked for: from then on the request cannot be sent again.</summary>
    public bool BodyTouched { get; private set; }

    /// <summary>The next piece of the request body is still the caller's to send.</summary>
    public bool AwaitsCaller { get; private set; }

    /// <summary>Less than half of the time that the route grants is over.</summary>
    public bool HasTime => Volatile.Read(ref _late) - Now(_time) > Route.Timeout.TotalMilliseconds / 2;

    public bool TimedOut => Volatile.Read(ref _state) == WasLate;

    /// <summary>Why somebody ended it; null when nobody did.</summary>
    public string? EndedFor { get => Volatile.Read(ref _state) == WasEnded ? field : null; private set; }

    public bool CallerLeft => _caller.IsCancellationRequested;

    /// <summary>It counts among those that wait for the service until that begins to answer, or will not.</summary>
    public bool TryWaitAt(Service service, int most)
    {
        if (!service.TryEnter(most)) return false;
        (Service, _waits) = (service, true);
        return true;
    }

    /// <summary>Its body, if it has one, counts among those that the caller's network sends to the service.</summary>
    public bool TrySendTo(Service service, int most)
    {
        if (!_hasBody) return true;
        _network = CallerNetwork.Of(Http.Connection.RemoteIpAddress);
        if (!service.TryBeginBody(_network, most)) return false;
        _sendsTo = service;
        return true;
    }

    public void WaitsNoMore()
    {
        if (_waits) Service!.Leave();
        _waits = false;
        SendsNoMore();
    }

    private void SendsNoMore() => Interlocked.Exchange(ref _sendsTo, null)?.EndBody(_network);

    public void Failed(string cause) => (Failures ??= new(2)).Add(cause);

    public void Trying(Instance instance, bool probe)
    {
        if (At is { } before) (_tried ??= [before]).Add(instance);
        (At, IsProbe, Era, Next) = (instance, probe, instance.Standing.Begin(), null);
    }

    /// <summary>The instance is done with it, well or not.</summary>
    public void IsBack()
    {
        At!.Standing.End();
        if (IsProbe) At.Standing.EndProbe();
    }

    /// <summary>Who is asked next may be asked much later than the first.</summary>
    public void Renew(PassportMint mint)
    {
        if (Caller is not null && Route.Relay == RelayMode.Passport) Authorization = mint.For(Caller, Route);
    }

    /// <summary>The gateway answers in place of the service, and the explanation says how far the request came.</summary>
    public Task RefuseAsync(Refusal refusal)
    {
        Http.Features.Set(this);
        return Http.RefuseAsync(refusal);
    }

    /// <summary>The response headers have come.</summary>
    public void Answered()
    {
        WaitsNoMore();
        Interlocked.CompareExchange(ref _state, HasAnswer, Waiting);
    }

    /// <summary>Gives up the service when it has been silent for longer than the route grants.</summary>
    /// <param name="now">Milliseconds of a clock that nobody sets.</param>
    public void EndIfLate(long now)
    {
        if (now >= Volatile.Read(ref _late) && Interlocked.CompareExchange(ref _state, WasLate, Waiting) == Waiting) Cancel();
    }

    /// <summary>
    /// Ends it, answered or not: whoever it was opened for may not have it any more. An answer that has begun gets a moment to come
    /// to its end: most are over at once, and cutting one off costs the caller his connection and tells him nothing.
    /// </summary>
    /// <param name="cause">Why.</param>
    /// <param name="now">Milliseconds of a clock that nobody sets.</param>
    /// <returns>False when it was over, or is not yet ended.</returns>
    public bool End(string cause, long now)
    {
        var state = Volatile.Read(ref _state);
        if (state is not (Waiting or HasAnswer)) return false;
        if (state == HasAnswer && now < (_mayFinish == 0 ? _mayFinish = now + Grace : _mayFinish)) return false;
        EndedFor = cause;
        if (Interlocked.CompareExchange(ref _state, WasEnded, state) != state) return false;
        Cancel();
        return true;
    }

    public void Dispose()
    {
        // Whoever ends it says so before: of any other state nobody is about to cancel any more.
        if (Interlocked.Exchange(ref _state, IsOver) is Waiting or HasAnswer && _ended.TryReset()) _spare = _ended;
        else _ended.Dispose();
    }

    private void Cancel()
    {
        try
        {
            _ended.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself in the meantime.
        }
    }

    private void Progress() => Volatile.Write(ref _late, Now(_time) + (long)Route.Timeout.TotalMilliseconds);

    /// <summary>Milliseconds since some moment. When somebody sets the clock of the machine nothing becomes late by that.</summary>
    public static long Now(TimeProvider time) => (long)(time.GetTimestamp() * (1000.0 / time.TimestampFrequency));

    private sealed class WatchedBody(Stream body, Exchange exchange) : Stream
    {
        private long _bytes;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            exchange.BodyTouched = exchange.AwaitsCaller = true;
            var read = await body.ReadAsync(buffer, cancellationToken);
            exchange.AwaitsCaller = false;
            if (read == 0 && buffer.Length > 0) exchange.SendsNoMore();
            // The proxy lifts the server's own limit for whatever calls itself gRPC.
            if ((_bytes += read) > exchange.Route.MaxBodyBytes) throw new BadHttpRequestException("The request body is larger than the route takes", StatusCodes.Status413PayloadTooLarge);
            exchange.Progress();
            return read;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
