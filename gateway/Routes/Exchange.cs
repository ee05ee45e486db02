using Microsoft.AspNetCore.Http.Features;

namespace SecureMesh.Gateway.Routes;

/// <summary>One request on its way to a service: how long it may take, and whether its body was touched.</summary>
/// <remarks>
/// The time runs until the response headers, and anew with each piece of the request body: a long upload, a stream and a
/// WebSocket outlive it. The proxy's own idle time takes over then.
/// </remarks>
internal sealed class Exchange : IDisposable
{
    private readonly HttpContext _http;
    private readonly CancellationToken _caller;
    private readonly TimeSpan _limit;
    private readonly CancellationTokenSource _timer;
    private readonly CancellationTokenSource _either;
    private readonly Lock _gate = new();
    private bool _answered;

    public Exchange(HttpContext http, TimeSpan limit, TimeProvider time)
    {
        (_http, _caller, _limit) = (http, http.RequestAborted, limit);
        _timer = new CancellationTokenSource(limit, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_caller, _timer.Token);
        http.RequestAborted = _either.Token; // what the proxy listens to
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: false }) http.Request.Body = new WatchedBody(http.Request.Body, this);
        http.Features.Set(this);
    }

    /// <summary>Whether any of the request body was asked for: from then on the request cannot be sent again.</summary>
    public bool BodyTouched { get; private set; }

    public bool TimedOut => _timer.IsCancellationRequested;

    public bool CallerLeft => _caller.IsCancellationRequested;

    /// <summary>The response headers have come.</summary>
    public void Answered()
    {
        lock (_gate)
        {
            _answered = true;
            _timer.CancelAfter(Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        _http.RequestAborted = _caller;
        _either.Dispose();
        lock (_gate)
        {
            _answered = true;
            _timer.Dispose();
        }
    }

    private void Progress()
    {
        lock (_gate)
        {
            if (!_answered) _timer.CancelAfter(_limit);
        }
    }

    private sealed class WatchedBody(Stream body, Exchange exchange) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            exchange.BodyTouched = true;
            var read = await body.ReadAsync(buffer, cancellationToken);
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
