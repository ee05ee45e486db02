using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Config.Environments;
using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary>The server over real HTTP on a repository of its own; open to this machine unless a test says otherwise.</summary>
internal sealed class ConfigServer : IAsyncDisposable
{
    private readonly Dictionary<string, string> _settings = new() { ["mesh:demo"] = "true" };
    private readonly TaskCompletionSource _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private MeshService<EnvironmentRequest>? _service;

    public TemporaryFolder Folder { get; } = new();

    public MeshService<EnvironmentRequest> Service => _service ??= new MeshService<EnvironmentRequest>(
        new Dictionary<string, string>(_settings) { ["config:repository"] = _settings.GetValueOrDefault("config:repository", Folder.Path) },
        services => services.AddSingleton<IStartupFilter>(new Arrivals(_waiting)));

    /// <summary>Completes when a request that is willing to wait has reached the server.</summary>
    public Task Waiting => _waiting.Task;

    public Uri Url => Service.Start().Url;

    public ConfigServer With(string setting, string value)
    {
        _settings[setting] = value;
        return this;
    }

    public ConfigServer With(IEnumerable<KeyValuePair<string, string>> settings)
    {
        foreach (var (setting, value) in settings) With(setting, value);
        return this;
    }

    public ConfigServer File(string name, string content)
    {
        Folder.Write(name, content);
        return this;
    }

    public async Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await SendAsync(request);
    }

    public async Task<Answer> SendAsync(HttpRequestMessage request)
    {
        using var response = await Service.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var bytes = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        return new Answer((int)response.StatusCode, Encoding.UTF8.GetString(bytes), bytes, response.Content.Headers.ContentType?.ToString(),
            response.Headers.Concat(response.Content.Headers).ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase));
    }

    public static string HashOf(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    public static string Basic(string name, string secret) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{secret}"));

    public async ValueTask DisposeAsync()
    {
        if (_service is not null) await _service.DisposeAsync();
        Folder.Dispose();
    }
}

internal sealed class Arrivals(TaskCompletionSource waiting) : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use((http, proceed) =>
        {
            if (http.Request.Headers.ContainsKey("Prefer")) waiting.TrySetResult();
            return proceed(http);
        });
        next(app);
    };
}

internal sealed record Answer(int Status, string Body, byte[] Bytes, string? ContentType, IReadOnlyDictionary<string, string> Headers)
{
    public JsonNode Json => JsonNode.Parse(Body)!;

    /// <summary>Names of the property sources in the order of the answer.</summary>
    public string[] Sources => [.. Json["propertySources"]!.AsArray().Select(source => source!["name"]!.GetValue<string>())];

    /// <summary>One property source's keys as JSON text.</summary>
    public string Source(int index = 0) => Json["propertySources"]![index]!["source"]!.ToJsonString();

    public string ETag => Headers["ETag"];
}
