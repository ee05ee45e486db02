using System.Diagnostics;
using System.Net.Http.Headers;

namespace SecureMesh.Bench;

/// <summary>Where requests go: a gateway, or an instance of a service directly.</summary>
internal sealed record Door(string Kind, Uri Url);

/// <summary>Requests at a steady rate, to each door in turn; one in four with the token of a bystander, whom no revocation concerns.</summary>
internal sealed class Load(IReadOnlyList<Door> doors, int rate) : IDisposable
{
    private const int MostUnanswered = 1000;

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseCookies = false, UseProxy = false, AllowAutoRedirect = false, MaxConnectionsPerServer = 256 }) { Timeout = TimeSpan.FromSeconds(10) };
    private readonly CancellationTokenSource _stop = new();
    private Thread? _pace;
    private int _unanswered;
    private long _sent;
    private long _skipped;
    private long _failed;
    private long _wronged;
    private string? _failure;

    public IReadOnlyList<Door> Doors => doors;

    /// <summary>The token that is to be revoked; null: nobody's.</summary>
    public volatile Trial? Current;

    public volatile AuthenticationHeaderValue? Bystander;

    /// <summary>How often a bystander was refused.</summary>
    public long Wronged => Interlocked.Read(ref _wronged);

    public void Start()
    {
        _pace = new Thread(() =>
        {
            var due = Stopwatch.GetTimestamp();
            for (var i = 0; !_stop.IsCancellationRequested; i++)
            {
                due += Stopwatch.Frequency / rate;
                Pace.SleepUntil(due);
                // In turn within each share: six doors and every fourth would otherwise never meet at some of them.
                var (turn, place) = Math.DivRem(i, 4);
                if (place == 3) Begin(turn % doors.Count, trial: null);
                else if (Current is { } trial) Begin((turn * 3 + place) % doors.Count, trial);
            }
        })
        { IsBackground = true };
        _pace.Start();
    }

    public string Summary() =>
        $"{_sent} requests; {Wronged} bystanders refused; {_failed} failed otherwise{(_failure is null ? "" : $" (the first: {_failure})")}; {_skipped} not sent because {MostUnanswered} had no answer yet";

    public void Dispose()
    {
        _stop.Cancel();
        _pace?.Join();
        _http.Dispose();
        _stop.Dispose();
    }

    private void Begin(int door, Trial? trial)
    {
        if (trial is null && Bystander is null) return;
        if (Volatile.Read(ref _unanswered) >= MostUnanswered) _skipped++;
        else _ = SendAsync(door, trial);
    }

    private async Task SendAsync(int door, Trial? trial)
    {
        Interlocked.Increment(ref _unanswered);
        Interlocked.Increment(ref _sent);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(doors[door].Url, trial?.Path ?? Victims.ClientPath));
            request.Headers.Authorization = trial?.Credential ?? Bystander;
            var sent = Stopwatch.GetTimestamp();
            using var response = await _http.SendAsync(request, _stop.Token);
            var status = (int)response.StatusCode;
            if (status is not (200 or 401)) Fail($"{status} of {request.RequestUri}");
            else if (trial is not null) trial.Answered(door, sent, Stopwatch.GetTimestamp(), status == 200);
            else if (status == 401) Interlocked.Increment(ref _wronged);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            if (!_stop.IsCancellationRequested) Fail($"{e.GetType().Name} of {doors[door].Url}: {e.Message}");
        }
        finally
        {
            Interlocked.Decrement(ref _unanswered);
        }
    }

    private void Fail(string what)
    {
        Interlocked.Increment(ref _failed);
        Interlocked.CompareExchange(ref _failure, what, null);
    }
}
