using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Xunit;

namespace SecureMesh.Sdk.Tests;

/// <summary>A service of a customer: <c>AddSecureMesh</c>, a few endpoints, real Kestrel at a free port.</summary>
internal sealed class Service : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Service(WebApplication app) => _app = app;

    public HttpClient Http { get; private set; } = new();

    public Uri Url => Http.BaseAddress!;

    public ConcurrentQueue<string> Logs { get; private init; } = new();

    public IServiceProvider Services => _app.Services;

    public static async Task<Service> StartAsync(
        Action<WebApplication> map, IEnumerable<KeyValuePair<string, string>>? settings = null,
        Action<WebApplicationBuilder>? configure = null, TimeProvider? clock = null, string environment = "Production", LogLevel level = LogLevel.Debug)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment, ApplicationName = "Sdk.Tests" });
        var all = new Dictionary<string, string?>
        {
            ["mesh:config:enabled"] = "false",
            ["mesh:registry:enabled"] = "false",
            ["mesh:revocations:enabled"] = "false",
            ["mesh:registry:drain"] = "00:00:00",
            ["urls"] = "http://127.0.0.1:0",
        };
        foreach (var (key, value) in settings ?? []) all[key] = value;
        builder.Configuration.AddInMemoryCollection(all);
        if (clock is not null) builder.Services.Replace(ServiceDescriptor.Singleton(clock));
        builder.AddSecureMesh("sample");
        var logs = new ConcurrentQueue<string>();
        builder.Logging.ClearProviders().AddProvider(new Lines(logs)).SetMinimumLevel(level);
        configure?.Invoke(builder);
        var app = builder.Build();
        map(app);
        var service = new Service(app) { Logs = logs };
        try
        {
            await app.StartAsync(TestContext.Current.CancellationToken);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
        service.Http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new Uri(app.Urls.First()) };
        return service;
    }

    /// <summary>GET with a bearer token, or without when it is null.</summary>
    public Task<Answer> GetAsync(string path, string? token = null) => SendAsync(HttpMethod.Get, path, token is null ? null : "Bearer " + token);

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? authorization, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);
        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return new Answer(response.StatusCode, response.Headers, response.Content.Headers, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Waits until a line with the text is in the log; what comes after an answer is written after it was read.</summary>
    public async Task<string> LoggedAsync(string text)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            if (Logs.FirstOrDefault(line => line.Contains(text, StringComparison.Ordinal)) is { } found) return found;
            await Task.Delay(5, limit.Token);
        }
    }

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private sealed class Lines(ConcurrentQueue<string> lines, string category = "") : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => new Lines(lines, categoryName);

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue($"{logLevel} {category} {formatter(state, exception)} {exception}");

        public void Dispose() { }
    }
}

internal sealed record Answer(HttpStatusCode Code, HttpResponseHeaders Headers, HttpContentHeaders ContentHeaders, string Body)
{
    public int Status => (int)Code;

    public string? Challenge => Headers.TryGetValues("WWW-Authenticate", out var values) ? Assert.Single(values) : null;

    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public string? Error => Json.GetProperty("error").GetString();
}
