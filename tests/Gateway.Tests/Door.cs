using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Passport;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>A gateway on real Kestrel with an issuer, and services of the test's own behind it.</summary>
internal sealed class Door : IAsyncDisposable
{
    private readonly List<Backend> _backends = [];

    private Door(TestIssuer issuer) => Issuer = issuer;

    public TestIssuer Issuer { get; }

    public TestRegistry Registry { get; } = new();

    public LiveSettings Live { get; } = new();

    public MeshService<RouteTable> Gateway { get; private set; } = null!;

    public HttpClient Http => Gateway.Http;

    public Uri Url => Gateway.Url;

    /// <summary>The routes of the mesh as config/repository/gateway.yml has them.</summary>
    public static Dictionary<string, string> MeshRoutes => new()
    {
        ["gateway:routes:uaa:path"] = "/uaa/{**rest}",
        ["gateway:routes:uaa:service"] = "auth-service",
        ["gateway:routes:uaa:access"] = "public",
        ["gateway:routes:uaa:cookies"] = "true",
        ["gateway:routes:uaa:relay:0"] = "Authorization",
        ["gateway:routes:uaa:relay:1"] = "DPoP",
        ["gateway:routes:uaa:relay:2"] = "X-Identity-Zone-Id",
        ["gateway:routes:accounts-register:path"] = "/accounts/",
        ["gateway:routes:accounts-register:methods:0"] = "POST",
        ["gateway:routes:accounts-register:service"] = "account-service",
        ["gateway:routes:accounts-register:access"] = "public",
        ["gateway:routes:accounts-demo:path"] = "/accounts/demo",
        ["gateway:routes:accounts-demo:methods:0"] = "GET",
        ["gateway:routes:accounts-demo:service"] = "account-service",
        ["gateway:routes:accounts-demo:access"] = "public",
        ["gateway:routes:accounts:path"] = "/accounts/{**rest}",
        ["gateway:routes:accounts:service"] = "account-service",
        ["gateway:routes:accounts:scopes:0"] = "ui",
        ["gateway:routes:accounts:scopes:1"] = "server",
        ["gateway:routes:accounts:timeout"] = "10s",
    };

    public static Task<Door> OpenAsync(params (string Key, string Value)[] settings) => OpenAsync(null, null, settings);

    /// <param name="clock">The gateway's clock, where a test moves it.</param>
    /// <param name="settings">Beside those of the mesh's own routes.</param>
    public static Task<Door> OpenAsync(TimeProvider? clock, params (string Key, string Value)[] settings) => OpenAsync(clock, null, settings);

    /// <param name="clock">The gateway's clock, where a test moves it.</param>
    /// <param name="issuer">Sets auth up before the gateway starts.</param>
    /// <param name="settings">Beside those of the mesh's own routes.</param>
    public static async Task<Door> OpenAsync(TimeProvider? clock, Action<TestIssuer>? issuer, params (string Key, string Value)[] settings)
    {
        var door = new Door(await TestIssuer.StartAsync());
        issuer?.Invoke(door.Issuer);
        var all = MeshRoutes;
        foreach (var (key, value) in door.Issuer.Settings) all[key] = value;
        all["mesh:clientSecret"] = "gateway-secret";
        foreach (var (key, value) in settings) all[key] = value;
        door.Gateway = new MeshService<RouteTable>(all, services =>
        {
            services.Replace(ServiceDescriptor.Singleton<IServiceRegistry>(door.Registry));
            if (clock is not null) services.Replace(ServiceDescriptor.Singleton(clock));
        });
        door.Gateway.Start();
        // A test that has set another address of auth does without.
        if (all["mesh:auth:url"] != door.Issuer.Url) return door.Open();
        var passports = door.Gateway.Services.GetRequiredService<PassportAnnouncer>();
        await Eventually.TrueAsync(() => passports.IsAnnounced, "the gateway has announced its passport key");
        return door.Open();
    }

    private Door Open()
    {
        ((IConfigurationBuilder)Gateway.Services.GetRequiredService<IConfiguration>()).Add(Live);
        return this;
    }

    /// <summary>Starts an instance of a service and waits until the gateway knows it.</summary>
    public Task<Backend> AddAsync(string service, Microsoft.AspNetCore.Http.RequestDelegate? answer = null, int? count = null) => AddAsync(service, answer, count, null);

    public async Task<Backend> AddAsync(string service, Microsoft.AspNetCore.Http.RequestDelegate? answer, int? count, HttpProtocols? protocols, params (string Name, string Value)[] metadata)
    {
        var backend = await Backend.StartAsync(answer, protocols: protocols);
        _backends.Add(backend);
        Registry.Add(service, backend, metadata: metadata);
        await KnowsAsync(service, count ?? Registry.Current.Up(service).Count());
        return backend;
    }

    /// <summary>Waits until the proxy has so many destinations for the service.</summary>
    public async Task KnowsAsync(string service, int count)
    {
        var lists = Gateway.Services.GetRequiredService<InstanceLists>();
        await Eventually.TrueAsync(() => lists.Of(service).Length == count, $"{service} has {count} instances at the gateway");
    }

    public Task<HttpResponseMessage> GetAsync(string path, string? token = null, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Get, path, token, null, headers);

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? token = null, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (token is not null) request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await Http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        foreach (var backend in _backends) await backend.DisposeAsync();
        await Issuer.DisposeAsync();
    }
}

/// <summary>A gateway with one instance of each service, for tests that change nothing about them.</summary>
public sealed class SharedDoor : IAsyncLifetime
{
    internal Door Door { get; private set; } = null!;

    internal Backend Account { get; private set; } = null!;

    internal Backend Auth { get; private set; } = null!;

    internal void Forget()
    {
        Account.Requests.Clear();
        Auth.Requests.Clear();
    }

    public async ValueTask InitializeAsync()
    {
        Door = await Door.OpenAsync(("gateway:url", "https://mesh.example:8443"), ("gateway:hosts", "other.example, third.example"));
        Account = await Door.AddAsync("account-service");
        Auth = await Door.AddAsync("auth-service");
    }

    public ValueTask DisposeAsync() => Door.DisposeAsync();
}

/// <summary>Waits for what happens in the background; the limit is there to fail, not to wait for.</summary>
internal static class Eventually
{
    public static Task TrueAsync(Func<bool> condition, string what, TimeSpan? limit = null) => AnswersAsync(() => Task.FromResult(condition()), what, limit);

    public static async Task AnswersAsync(Func<Task<bool>> condition, string what, TimeSpan? limit = null)
    {
        var end = DateTime.UtcNow + (limit ?? TimeSpan.FromSeconds(30));
        while (!await condition())
        {
            Assert.True(DateTime.UtcNow < end, "never came true: " + what);
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
