using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;

namespace SecureMesh.EndToEnd;

/// <summary>GET requests at a steady rate, whether the answers come or not, until it is stopped.</summary>
internal sealed class SteadyLoad : IDisposable
{
    private const int MostOpen = 256;
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false, MaxConnectionsPerServer = MostOpen }) { Timeout = TimeSpan.FromSeconds(30) };
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<string> _bad = [];
    private readonly ConcurrentBag<string> _refused = [];
    private readonly Task _running;
    private int _good;

    /// <param name="requests">What is asked in turn, and with which token.</param>
    /// <param name="perSecond">How many requests begin in a second.</param>
    public SteadyLoad(int perSecond, params (Uri Url, string? Token)[] requests) => _running = Task.Run(() => RunAsync(perSecond, requests));

    /// <summary>How many were answered with 200 so far.</summary>
    public int Good => Volatile.Read(ref _good);

    /// <summary>The names of the requests whose answers were not 200, for <c>mesh why</c>.</summary>
    public IReadOnlyCollection<string> Refused => _refused;

    /// <summary>Ends the load when all have their answers.</summary>
    /// <returns>Every answer that was not 200, and every request without one.</returns>
    public async Task<IReadOnlyCollection<string>> StopAsync()
    {
        await _stop.CancelAsync();
        await _running;
        return _bad;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _http.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(int perSecond, (Uri Url, string? Token)[] requests)
    {
        var watch = Stopwatch.StartNew();
        var open = new ConcurrentDictionary<int, Task>();
        for (var i = 0; !_stop.IsCancellationRequested; i++)
        {
            var due = TimeSpan.FromSeconds((double)i / perSecond);
            // On a busy machine the sender falls behind: it goes on from there instead of sending all that it missed at once.
            if (watch.Elapsed - due > TimeSpan.FromMilliseconds(200)) (watch, i) = (Stopwatch.StartNew(), 0);
            else if (due > watch.Elapsed) await Task.Delay(due - watch.Elapsed);
            // Nor does it queue what a machine that is slower than the rate cannot take: the wait would be the test's own.
            while (open.Count >= MostOpen) await Task.Delay(5);
            var task = SendAsync(requests[i % requests.Length]);
            if (task.IsCompleted) continue;
            open[task.Id] = task;
            _ = task.ContinueWith(done => open.TryRemove(done.Id, out _), TaskScheduler.Default);
        }
        await Task.WhenAll(open.Values);
    }

    private async Task SendAsync((Uri Url, string? Token) what)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, what.Url);
            if (what.Token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", what.Token);
            using var response = await _http.SendAsync(request);
            var body = await response.Content.ReadAsStringAsync();
            if ((int)response.StatusCode == 200) Interlocked.Increment(ref _good);
            else
            {
                _bad.Add($"{what.Url.PathAndQuery}: {(int)response.StatusCode} {body}");
                foreach (var id in response.Headers.TryGetValues("X-Trace-Id", out var ids) ? ids : []) _refused.Add(id);
            }
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            _bad.Add($"{what.Url.PathAndQuery}: {e.Message}");
        }
    }
}
