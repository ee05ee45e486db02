using System.Diagnostics;
using System.Globalization;

/// <summary>Requests at a steady rate, whether the answers come or not: a queue shows as latency and is not hidden by waiting for it.</summary>
/// <remarks>
/// Prints p50, p99 and largest latency in milliseconds, counted from when each request was due, and the number of errors.
/// </remarks>
internal static class Steady
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    public static async Task RunAsync(Func<HttpRequestMessage> request, int rate, double seconds)
    {
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 64, UseCookies = false, UseProxy = false, AllowAutoRedirect = false });
        await SendAsync(http, request);
        var unmeasured = (int)(rate * WarmUp.TotalSeconds);
        var requests = new Task<(double Milliseconds, bool Good)>[unmeasured + (int)(rate * seconds)];
        var pace = new Thread(() =>
        {
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < requests.Length; i++)
            {
                var due = start + (long)((double)i / rate * Stopwatch.Frequency);
                Pace.SleepUntil(due);
                requests[i] = OneAsync(http, request, due);
            }
        })
        { Priority = ThreadPriority.AboveNormal };
        pace.Start();
        await Task.Run(pace.Join);
        var answers = (await Task.WhenAll(requests))[unmeasured..];
        var latencies = answers.Select(answer => answer.Milliseconds).Order().ToArray();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{latencies[latencies.Length / 2]:0.000} {latencies[(int)(latencies.Length * 0.99)]:0.000} {latencies[^1]:0.000} {answers.Count(answer => !answer.Good)}"));
    }

    private static async Task<(double Milliseconds, bool Good)> OneAsync(HttpClient http, Func<HttpRequestMessage> request, long due)
    {
        var good = await SendAsync(http, request);
        return (Stopwatch.GetElapsedTime(due).TotalMilliseconds, good);
    }

    private static async Task<bool> SendAsync(HttpClient http, Func<HttpRequestMessage> request)
    {
        try
        {
            using var message = request();
            using var response = await http.SendAsync(message);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
