using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using SecureMesh.Discovery.Registry;
using SecureMesh.Tests.Support;

namespace SecureMesh.Discovery.Tests;

/// <summary>A registry on real Kestrel, and requests to it as a given principal (<c>null</c>: without a credential).</summary>
public sealed class RegistryHost : IAsyncDisposable
{
    private readonly MeshService<LeaseRegistry> _service;

    public RegistryHost(bool demo = true, TimeProvider? clock = null, params (string Key, string Value)[] settings)
    {
        string[] names = ["gateway", "auth-service", "account-service", "config", "registry", "orders", "billing", "Account-Service"];
        var all = new Dictionary<string, string>
        {
            ["mesh:demo"] = demo ? "true" : "false",
            ["mesh:credentials"] = string.Join(',', names.Select(name => $"{name}:{Hash(Secret(name))}")),
        };
        foreach (var (key, value) in settings) all[key] = value;
        _service = new MeshService<LeaseRegistry>(all, services =>
        {
            if (clock is not null) services.Replace(ServiceDescriptor.Singleton(clock));
        });
        _service.Start();
    }

    public Uri Url => _service.Url;

    public HttpClient Http => _service.Http;

    public IEnumerable<string> Logs => _service.Logs;

    public IServiceProvider Services => _service.Services;

    public static string Secret(string name) => "secret-of-" + name;

    public static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    public static AuthenticationHeaderValue Basic(string name, string? secret = null) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{secret ?? Secret(name)}")));

    public static string Body(string file) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Bodies", file));

    /// <summary>A registration with what matters to a test; members given as null are left out.</summary>
    public static string Instance(string app, string id, params (string Name, object? Value)[] change)
    {
        var members = new Dictionary<string, object?>
        {
            ["instanceId"] = id,
            ["hostName"] = "127.0.0.1",
            ["app"] = app,
            ["ipAddr"] = "127.0.0.1",
            ["status"] = "UP",
            ["port"] = new Dictionary<string, object> { ["$"] = 9000, ["@enabled"] = "true" },
            ["vipAddress"] = app.ToLowerInvariant(),
            ["dataCenterInfo"] = new Dictionary<string, object> { ["name"] = "MyOwn" },
        };
        foreach (var (name, value) in change)
        {
            if (value is null) members.Remove(name);
            else members[name] = value;
        }
        return JsonSerializer.Serialize(new { instance = members });
    }

    public static (string Name, object? Value) Lease(int seconds) => ("leaseInfo", new { durationInSecs = seconds, renewalIntervalInSecs = 1 });

    /// <summary>The same registration as XML.</summary>
    public static string AsXml(string json)
    {
        using var document = JsonDocument.Parse(json);
        return Element("instance", document.RootElement.GetProperty("instance")).ToString(SaveOptions.DisableFormatting);

        static XElement Element(string name, JsonElement value)
        {
            var element = new XElement(name);
            if (value.ValueKind != JsonValueKind.Object)
            {
                element.Value = value.ToString();
                return element;
            }
            foreach (var member in value.EnumerateObject())
            {
                if (member.Name == "$") element.Add(member.Value.ToString());
                else if (member.Name[0] == '@') element.SetAttributeValue(member.Name[1..], member.Value.ToString());
                else element.Add(Element(member.Name, member.Value));
            }
            return element;
        }
    }

    public Task<Reply> GetAsync(string path, string? accept = "application/json", string? as_ = null, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Get, path, as_, null, accept, headers);

    public Task<Reply> PutAsync(string path, string? as_ = null) => SendAsync(HttpMethod.Put, path, as_);

    public Task<Reply> DeleteAsync(string path, string? as_ = null) => SendAsync(HttpMethod.Delete, path, as_);

    public Task<Reply> RegisterAsync(string app, string body, string? as_ = null, string type = "application/json") =>
        SendAsync(HttpMethod.Post, "eureka/apps/" + app, as_, Content(body, type));

    public async Task<Reply> SendAsync(
        HttpMethod method, string path, string? as_ = null, HttpContent? content = null, string? accept = "application/json", params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (as_ is not null) request.Headers.Authorization = Basic(as_);
        if (accept is not null) request.Headers.TryAddWithoutValidation("Accept", accept);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return await Reply.ReadAsync(response);
    }

    public static HttpContent Content(string body, string type = "application/json") => Content(Encoding.UTF8.GetBytes(body), type);

    public static HttpContent Content(byte[] body, string type = "application/json")
    {
        var content = new ByteArrayContent(body);
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        return content;
    }

    public ValueTask DisposeAsync() => _service.DisposeAsync();
}

/// <summary>What the registry answered.</summary>
public sealed record Reply(int Status, string Body, byte[] Bytes, HttpResponseMessage Message)
{
    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public XElement Xml => XElement.Parse(Body);

    public string? Header(string name) =>
        Message.Headers.TryGetValues(name, out var values) || Message.Content.Headers.TryGetValues(name, out values) ? string.Join(", ", values) : null;

    /// <summary>Ids of all instances of a list, ordered.</summary>
    public string[] Ids => [.. Instances.Select(instance => instance.GetProperty("instanceId").GetString()!).Order(StringComparer.Ordinal)];

    public JsonElement[] Instances => [.. Json.GetProperty("applications").GetProperty("application").EnumerateArray()
        .SelectMany(app => app.GetProperty("instance").EnumerateArray())];

    public string Hash => Json.GetProperty("applications").GetProperty("apps__hashcode").GetString()!;

    public string Version => Json.GetProperty("applications").GetProperty("versions__delta").GetString()!;

    public static async Task<Reply> ReadAsync(HttpResponseMessage response)
    {
        var bytes = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        return new Reply((int)response.StatusCode, Encoding.UTF8.GetString(bytes), bytes, response);
    }
}
