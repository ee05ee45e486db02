using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;

namespace SecureMesh.Sdk.Tests.Tokens;

/// <summary>A token endpoint that numbers its tokens: <c>token-1</c>, <c>token-2</c>, …</summary>
internal sealed class StubAuth : IAsyncDisposable
{
    private WebApplication? _app;
    private int _issued;

    /// <summary>Base address without a final slash; what <c>mesh:auth:url</c> takes.</summary>
    public string Url { get; private set; } = "";

    public int Issued => Volatile.Read(ref _issued);

    public int Lifetime { get; set; } = 600;

    /// <summary>Answers this instead of a token.</summary>
    public (int Status, string Body)? Answer { get; set; }

    /// <summary>Holds every answer until it is completed.</summary>
    public TaskCompletionSource? Gate { get; set; }

    /// <summary>Authorization, X-CF-ENCODED-CREDENTIALS and form of each request.</summary>
    public Channel<(string Authorization, string Encoded, Dictionary<string, string> Form)> Requests { get; } = Channel.CreateUnbounded<(string, string, Dictionary<string, string>)>();

    public static async Task<StubAuth> StartAsync()
    {
        var auth = new StubAuth();
        await auth.RunAsync("http://127.0.0.1:0");
        return auth;
    }

    public async Task StopAsync()
    {
        if (_app is null) return;
        await _app.DisposeAsync();
        _app = null;
    }

    public Task RestartAsync() => RunAsync(Url);

    private async Task RunAsync(string url)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.Zero);
        _app = builder.Build();
        _app.MapPost("/uaa/oauth/token", AnswerAsync);
        _app.Urls.Add(url);
        await _app.StartAsync(TestContext.Current.CancellationToken);
        Url = _app.Urls.First();
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var form = await http.Request.ReadFormAsync();
        var number = Interlocked.Increment(ref _issued);
        Requests.Writer.TryWrite((http.Request.Headers.Authorization.ToString(), http.Request.Headers["X-CF-ENCODED-CREDENTIALS"].ToString(), form.ToDictionary(f => f.Key, f => f.Value.ToString())));
        if (Gate is { } gate) await gate.Task;
        var (status, body) = Answer ?? (200, $$"""{"access_token":"token-{{number}}","token_type":"bearer","expires_in":{{Lifetime}},"scope":"server","jti":"x"}""");
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(body);
    }

    public async ValueTask DisposeAsync()
    {
        Gate?.TrySetResult();
        await StopAsync();
    }
}
