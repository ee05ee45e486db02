using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Gateway.Tests;

/// <summary>A service behind the gateway: records what reaches it, and answers what the test says (default: 200 <c>hello</c>).</summary>
internal sealed class Backend : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Backend(WebApplication app) => _app = app;

    public Uri Url { get; private set; } = null!;

    public ConcurrentQueue<Received> Requests { get; } = new();

    public Received Last => Requests.Last();

    public static async Task<Backend> StartAsync(RequestDelegate? answer = null, string url = "http://127.0.0.1:0", HttpProtocols? protocols = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            if (protocols is { } known) kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = known);
        });
        var app = builder.Build();
        var backend = new Backend(app);
        app.UseWebSockets();
        app.Run(async http =>
        {
            backend.Requests.Enqueue(new Received(
                http.Request.Method,
                http.Features.Get<IHttpRequestFeature>()!.RawTarget,
                http.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase),
                http.Request.Protocol));
            await (answer ?? (context => context.Response.WriteAsync("hello")))(http);
        });
        app.Urls.Add(url);
        await app.StartAsync();
        backend.Url = new Uri(app.Urls.First());
        return backend;
    }

    /// <summary>Closes the listener and all connections without a word, as a killed process does.</summary>
    public async Task KillAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}

internal sealed record Received(string Method, string Target, Dictionary<string, string> Headers, string Protocol);
