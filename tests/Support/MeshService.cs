using System.Collections.Concurrent;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Tests.Support;

/// <summary>One service of the mesh on real Kestrel at a free port of the loopback address.</summary>
/// <typeparam name="T">Any type of the service's assembly.</typeparam>
public sealed class MeshService<T> : WebApplicationFactory<T> where T : class
{
    private readonly Dictionary<string, string> _settings;
    private readonly Action<IServiceCollection>? _services;
    private readonly TemporaryFolder? _folder;
    private HttpClient? _http;

    /// <param name="settings">Configuration, as on a command line; defaults: no configuration server, no registry, a fresh data folder.</param>
    /// <param name="services">Replaces services, for example the clock.</param>
    public MeshService(IEnumerable<KeyValuePair<string, string>>? settings = null, Action<IServiceCollection>? services = null)
    {
        _services = services;
        _settings = new(StringComparer.OrdinalIgnoreCase)
        {
            ["mesh:config:enabled"] = "false",
            ["mesh:registry:enabled"] = "false",
            ["mesh:registry:drain"] = "00:00:00",
            // Not UseKestrel(port): that sets the address from outside while the program may already be starting its server.
            ["urls"] = "http://127.0.0.1:0",
        };
        foreach (var (key, value) in settings ?? []) _settings[key] = value;
        if (!_settings.ContainsKey("mesh:data"))
        {
            _folder = new TemporaryFolder();
            _settings["mesh:data"] = _folder.Path;
        }
        UseKestrel();
    }

    /// <summary>What the service wrote to its log, one entry per line: level, category, message.</summary>
    public ConcurrentQueue<string> Logs { get; } = new();

    /// <summary>A client for this service: no redirects, no cookies.</summary>
    public HttpClient Http => _http ??= Open();

    /// <summary>Base address with a final slash.</summary>
    public Uri Url => Http.BaseAddress!;

    /// <summary>Starts the service; also done by the first use of <see cref="Http"/>.</summary>
    public MeshService<T> Start()
    {
        _ = Http;
        return this;
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.UseEnvironment("Production");
        foreach (var (key, value) in _settings) builder.UseSetting(key, value);
        builder.ConfigureLogging(logging => logging.ClearProviders().AddProvider(new QueueLogs(Logs)));
        if (_services is not null) builder.ConfigureTestServices(_services);
    }

    private HttpClient Open()
    {
        StartServer();
        var address = ClientOptions.BaseAddress;
        return new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(60) };
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (!disposing) return;
        _http?.Dispose();
        _folder?.Dispose();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _http?.Dispose();
        _folder?.Dispose();
        GC.SuppressFinalize(this);
    }

    private sealed class QueueLogs(ConcurrentQueue<string> lines) : ILoggerProvider, ILogger
    {
        private string _category = "";

        public ILogger CreateLogger(string categoryName) => new QueueLogs(lines) { _category = categoryName };

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            ArgumentNullException.ThrowIfNull(formatter);
            lines.Enqueue($"{logLevel} {_category} {formatter(state, exception)} {exception}");
        }

        public void Dispose() { }
    }
}
