using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Account.Registration;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Account.Tests;

/// <summary>The account service on a fresh database, with a stand-in for auth and a clock that stands still.</summary>
internal sealed class AccountMesh : IAsyncDisposable
{
    public const string Alice = """{"username":"alice1","password":"secret1"}""";
    public const string Saving = """{"amount":1,"currency":"EUR","interest":2.5,"deposit":true,"capitalization":false}""";

    private readonly TestDatabase _database;
    private readonly List<MeshService<Registrar>> _services = [];

    private AccountMesh(TestDatabase database, TestIssuer issuer, AuthStandIn auth, (string, string)[] settings)
    {
        (_database, Issuer, Auth) = (database, issuer, auth);
        Settings = _database.Settings([
            ("mesh:issuer", Issuer.Issuer),
            ("mesh:auth:url", Auth.Url),
            ("mesh:clientSecret", "account-secret"),
            ("mesh:registry:static:auth-service", Auth.Url),
            ("mesh:revocations:enabled", "false"), // the stand-in has no feed
            ("account:registration:perMinute", "100000"),
            .. settings,
        ]);
    }

    /// <summary>With which the next instance starts.</summary>
    public Dictionary<string, string> Settings { get; }

    public TestIssuer Issuer { get; }

    public AuthStandIn Auth { get; }

    public TestClock Clock { get; } = new();

    public MeshService<Registrar> Service => _services[^1];

    public IEnumerable<string> Logs => _services.SelectMany(service => service.Logs);

    public static async Task<AccountMesh> StartAsync(SqlEngine engine = SqlEngine.Sqlite, params (string, string)[] settings)
    {
        var mesh = await PrepareAsync(engine, settings);
        mesh.StartService();
        return mesh;
    }

    /// <summary>All but the service itself.</summary>
    public static async Task<AccountMesh> PrepareAsync(SqlEngine engine, params (string, string)[] settings)
    {
        var issuer = await TestIssuer.StartAsync("account-service");
        return new AccountMesh(await Databases.CreateAsync(engine), issuer, await AuthStandIn.StartAsync(issuer), settings);
    }

    /// <summary>One more instance on the same database.</summary>
    public MeshService<Registrar> StartService()
    {
        _services.Add(new MeshService<Registrar>(Settings, services => services.AddSingleton<TimeProvider>(Clock)));
        return Service.Start();
    }

    /// <summary>Runs the program as a process of its own until it ends.</summary>
    public async Task<(int Code, string Output, string Error)> RunProgramAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "SecureMesh.Account.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Dictionary<string, string> alone = new() { ["mesh:config:enabled"] = "false", ["mesh:registry:enabled"] = "false", ["urls"] = "http://127.0.0.1:0" };
        foreach (var (key, value) in Settings.Concat(alone)) start.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var error = process.StandardError.ReadToEndAsync(limit.Token);
        var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, output, await error);
    }

    public async Task StopServiceAsync()
    {
        await Service.DisposeAsync();
        _services.RemoveAt(_services.Count - 1);
    }

    public Task<Answer> GetAsync(string path, string? token = null) => SendAsync(HttpMethod.Get, path, null, token);

    public Task<Answer> RegisterAsync(string json) => SendAsync(HttpMethod.Post, "/accounts/", json, null);

    public Task<Answer> PutAsync(string json, string? token) => SendAsync(HttpMethod.Put, "/accounts/current", json, token);

    public string User(string name) => Issuer.UserToken(name, "ui");

    public string Server() => Issuer.ClientToken("statistics", "server");

    /// <summary>An account whose owner saved this.</summary>
    public async Task<string> SavedAsync(string json)
    {
        (await RegisterAsync(Alice)).Expect(200);
        (await PutAsync(json, User("alice1"))).Expect(200);
        return (await GetAsync("/accounts/current", User("alice1"))).Expect(200).Body;
    }

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? json, string? token, HttpClient? http = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (json is not null) request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        return await Answer.OfAsync(await (http ?? Service.Http).SendAsync(request));
    }

    /// <summary>Looks into the database beside the service.</summary>
    public async Task<T?> QueryAsync<T>(string sql)
    {
        await using var database = _database.Open("account");
        await using var connection = await database.OpenAsync();
        return await connection.ExecuteScalarAsync<T>(sql);
    }

    public async Task ExecuteAsync(string sql, object parameters)
    {
        await using var database = _database.Open("account");
        await database.WriteAsync((connection, transaction) => connection.ExecuteAsync(sql, parameters, transaction));
    }

    /// <summary>Waits for something that happens in the background.</summary>
    public static async Task EventuallyAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!await condition()) await Task.Delay(20, limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _services) await service.DisposeAsync();
        await Auth.DisposeAsync();
        await Issuer.DisposeAsync();
        await _database.DisposeAsync();
    }
}

/// <summary>An answer, read whole.</summary>
internal sealed record Answer(int Status, string Body, string? MediaType, HttpResponseMessage Message)
{
    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public string? Error => Json.GetProperty("error").GetString();

    public static async Task<Answer> OfAsync(HttpResponseMessage message) =>
        new((int)message.StatusCode, await message.Content.ReadAsStringAsync(), message.Content.Headers.ContentType?.MediaType, message);

    public Answer Expect(int status)
    {
        Assert.True(Status == status, $"expected {status}, got {Status}: {Body}");
        return this;
    }
}
