using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

/// <summary>Requests at a steady rate, whether the answers come or not: a queue shows as latency and is not hidden by waiting for it.</summary>
internal static class Steady
{
    public static async Task RunAsync(Uri url, string basic, int rate, double seconds)
    {
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 64 });
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
        await SendAsync(http, url);
        var total = (int)(rate * seconds);
        var requests = new List<Task<(double Milliseconds, bool Good)>>(total);
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < total; i++)
        {
            var due = TimeSpan.FromSeconds((double)i / rate);
            if (due - watch.Elapsed is { TotalMilliseconds: > 1 } wait) await Task.Delay(wait);
            requests.Add(OneAsync(http, url, watch, due));
        }
        var answers = await Task.WhenAll(requests);
        var latencies = answers.Select(answer => answer.Milliseconds).Order().ToArray();
        var line = string.Create(CultureInfo.InvariantCulture,
            $"{latencies[total / 2]:0.0} {latencies[(int)(total * 0.99)]:0.0} {latencies[^1]:0.0} {answers.Count(answer => !answer.Good)}");
        Console.WriteLine(line);
    }

    private static async Task<(double Milliseconds, bool Good)> OneAsync(HttpClient http, Uri url, Stopwatch watch, TimeSpan due)
    {
        var good = await SendAsync(http, url);
        return ((watch.Elapsed - due).TotalMilliseconds, good);
    }

    private static async Task<bool> SendAsync(HttpClient http, Uri url)
    {
        using var form = new FormUrlEncodedContent([new("grant_type", "client_credentials")]);
        try
        {
            using var response = await http.PostAsync(url, form);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
