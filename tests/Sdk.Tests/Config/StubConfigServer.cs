using System.Collections.Concurrent;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;

namespace SecureMesh.Sdk.Tests.Config;

/// <summary>A configuration server as it stands in the field: no long poll and no ETag unless told so.</summary>
internal sealed class StubConfigServer : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private WebApplication? _app;
    private TaskCompletionSource _changed = new();
    private string _body = Environment();
    private int _version;

    public string Url { get; private set; } = "";

    /// <summary>Path, Authorization, If-None-Match and Prefer of each request.</summary>
    public Channel<(string Path, string Authorization, string IfNoneMatch, string Prefer)> Requests { get; } = Channel.CreateUnbounded<(string, string, string, string)>();

    public ConcurrentQueue<string> Accepts { get; } = new();

    /// <summary>Answers with ETags and 304.</summary>
    public bool Tags { get; set; }

    /// <summary>Holds conditional requests until something changes.</summary>
    public bool Holds { get; set; }

    /// <summary>Answers this instead.</summary>
    public int? Status { get; set; }

    public string? Location { get; set; }

    /// <summary>Sources of an environment, the first wins.</summary>
    public static string Environment(params object[] sources) => JsonSerializer.Serialize(new
    {
        name = "sample",
        profiles = new[] { "default" },
        label = (string?)null,
        version = "9f1c",
        state = (string?)null,
        propertySources = sources.Select((source, i) => new { name = "file" + i, source }),
    });

    public static async Task<StubConfigServer> StartAsync(params object[] sources)
    {
        var server = new StubConfigServer { _body = Environment(sources) };
        await server.RunAsync("http://127.0.0.1:0");
        return server;
    }

    /// <summary>Changes what is served, and lets held requests go.</summary>
    public void Serve(params object[] sources) => ServeText(Environment(sources));

    public void ServeText(string body)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            (_body, _version, changed) = (body, _version + 1, _changed);
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        changed.TrySetResult();
    }

    public async Task StopAsync()
    {
        if (_app is null) return;
        await _app.DisposeAsync();
        _app = null;
    }

    /// <summary>Starts again on the same port.</summary>
    public Task RestartAsync() => RunAsync(Url);

    private async Task RunAsync(string url)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.Zero);
        _app = builder.Build();
        _app.MapGet("/{**path}", AnswerAsync);
        _app.Urls.Add(url);
        await _app.StartAsync(TestContext.Current.CancellationToken);
        Url = _app.Urls.First();
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var headers = http.Request.Headers;
        Accepts.Enqueue(headers.Accept.ToString());
        Requests.Writer.TryWrite((http.Request.Path + http.Request.QueryString, headers.Authorization.ToString(), headers.IfNoneMatch.ToString(), headers["Prefer"].ToString()));
        if (Location is not null) http.Response.Headers.Location = Location;
        if (Status is { } status)
        {
            http.Response.StatusCode = status;
            return;
        }
        if (Holds && headers.ContainsKey("Prefer"))
        {
            http.Response.Headers["Preference-Applied"] = "wait";
            Task changed;
            bool same;
            lock (_gate) (changed, same) = (_changed.Task, headers.IfNoneMatch == Tag());
            if (same) await changed.WaitAsync(http.RequestAborted);
        }
        string body, tag;
        lock (_gate) (body, tag) = (_body, Tag());
        if (Tags || Holds) http.Response.Headers.ETag = tag;
        if ((Tags || Holds) && headers.IfNoneMatch == tag)
        {
            http.Response.StatusCode = 304;
            return;
        }
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(body);
    }

    private string Tag() => $"\"v{_version}\"";

    public async ValueTask DisposeAsync()
    {
        ServeText("{}");
        await StopAsync();
    }
}
