using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests;

/// <summary>The token service of a demo on a database of its own, with a clock that the test moves.</summary>
public sealed class DemoAuth : IAsyncLifetime
{
    private static readonly Lazy<Task<Dictionary<string, byte[]>>> _seeded = new(SeedAsync);
    private readonly bool _fresh;
    private readonly SqlEngine _engine;
    private readonly (string, string)[] _settings;
    private TestDatabase? _database;
    private MeshService<TokenEndpoint>? _service;

    public DemoAuth() : this(SqlEngine.Sqlite) { }

    private DemoAuth(SqlEngine engine, bool fresh = false, params (string, string)[] settings) => (_engine, _fresh, _settings) = (engine, fresh, settings);

    public TestClock Clock { get; } = new();

    public TestDatabase Database => _database!;

    public HttpClient Http => _service!.Http;

    public Uri Url => _service!.Url;

    public IServiceProvider Services => _service!.Services;

    public IReadOnlyCollection<string> Logs => _service!.Logs;

    public static async Task<DemoAuth> StartAsync(SqlEngine engine = SqlEngine.Sqlite, params (string, string)[] settings)
    {
        var auth = new DemoAuth(engine, settings: settings);
        await auth.InitializeAsync();
        return auth;
    }

    public async ValueTask InitializeAsync()
    {
        _database = await Databases.CreateAsync(_engine);
        if (_engine == SqlEngine.Sqlite && !_fresh)
            foreach (var (name, content) in await _seeded.Value) await File.WriteAllBytesAsync(Path.Combine(_database.Data, name), content);
        _service = Service();
        _service.Start();
    }

    // The slow hashes of the demo's secrets are made once for all tests; each gets a copy of the data.
    private static async Task<Dictionary<string, byte[]>> SeedAsync()
    {
        var auth = new DemoAuth(SqlEngine.Sqlite, fresh: true);
        await auth.InitializeAsync();
        await auth._service!.DisposeAsync();
        SqliteConnection.ClearAllPools(); // so that all is in the one file
        var files = Directory.EnumerateFiles(auth.Database.Data).ToDictionary(file => Path.GetFileName(file), File.ReadAllBytes);
        await auth._database!.DisposeAsync();
        return files;
    }

    /// <summary>Ends the process, so to speak, and starts another one on the same data.</summary>
    public async Task RestartAsync()
    {
        await _service!.DisposeAsync();
        _service = Service();
        _service.Start();
    }

    /// <summary>One more instance on the same data.</summary>
    public async Task<DemoAuth> AnotherAsync(params (string, string)[] more)
    {
        var other = new DemoAuth(_engine, settings: [.. _settings, .. more]) { _database = _database, Borrowed = true };
        other._service = other.Service();
        await Task.Run(() => other._service.Start());
        return other;
    }

    private bool Borrowed { get; init; }

    private MeshService<TokenEndpoint> Service() => new(
        _database!.Settings([("mesh:demo", "true"), .. _settings]),
        services => services.AddSingleton<TimeProvider>(Clock).AddSingleton<Pause>(new MovingPause(Clock, () => Waiting)));

    /// <summary>Done while somebody waits for the second after a revocation.</summary>
    public Func<Task>? Waiting { get; set; }

    // Who waits for a moment gets there, and everybody with him.
    private sealed class MovingPause(TestClock clock, Func<Func<Task>?> meanwhile) : Pause(clock)
    {
        public override async Task ForAsync(TimeSpan duration, CancellationToken cancellationToken)
        {
            if (meanwhile() is { } happens) await happens();
            clock.Advance(duration);
        }
    }

    public Task<Reply> TokenAsync(string basic, params (string, string)[] form) => PostAsync("uaa/oauth/token", basic, form);

    public async Task<Reply> PostAsync(string path, string? basic, params (string, string)[] form)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        if (basic is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
        request.Content = new FormUrlEncodedContent(form.Select(pair => new KeyValuePair<string, string>(pair.Item1, pair.Item2)));
        return await SendAsync(request);
    }

    public async Task<Reply> GetAsync(string path, string? bearer = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (bearer is not null) request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + bearer);
        return await SendAsync(request);
    }

    public async Task<Reply> SendAsync(HttpRequestMessage request)
    {
        using var response = await Http.SendAsync(request);
        return await Reply.ReadAsync(response);
    }

    public Task<Reply> SignInAsync(string user = "demo", string password = "demo", string scope = "ui openid", string client = "browser:") =>
        TokenAsync(client, ("grant_type", "password"), ("username", user), ("password", password), ("scope", scope));

    public Task<Reply> RefreshAsync(string refreshToken, string client = "browser:", params (string, string)[] more) =>
        TokenAsync(client, [("grant_type", "refresh_token"), ("refresh_token", refreshToken), .. more]);

    /// <summary>A token of account-service for its calls to auth.</summary>
    public async Task<string> ServerTokenAsync() =>
        (await TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"), ("scope", "server"), ("resource", "mesh://auth-service"))).AccessToken;

    /// <summary>Changes the data beside the service, as an administrator would; <c>@no</c> is false.</summary>
    public async Task<int> ExecuteAsync(string sql)
    {
        await using var database = Database.Open("auth");
        var changed = await database.WriteAsync((connection, transaction) => connection.ExecuteAsync(sql, new { no = false }, transaction));
        // Nobody told the service, which may have in memory what has just changed.
        Services.GetRequiredService<Invalidations>().Flush();
        return changed;
    }

    /// <summary>Registers a client with a chosen secret, authority <c>test.read</c> and the grant client_credentials.</summary>
    public async Task AddClientAsync(string id, string secret, string? older = null, DateTimeOffset? olderEnds = null)
    {
        var slow = Services.GetRequiredService<SlowHash>();
        var client = new Client
        {
            ZoneId = "uaa",
            Id = id,
            Name = id,
            GrantTypes = ["client_credentials"],
            Scopes = [],
            Authorities = ["test.read"],
            TokenSalt = "salt",
            SecretHash = await slow.HashAsync(secret, FormBody.Decode(secret)),
            OlderSecretHash = older is null ? null : await slow.HashAsync(older, FormBody.Decode(older)),
            OlderSecretExpiresAt = olderEnds,
        };
        Assert.True(await Services.GetRequiredService<IClients>().TryAddAsync(client, default));
    }

    public async ValueTask DisposeAsync()
    {
        await _service!.DisposeAsync();
        if (!Borrowed) await _database!.DisposeAsync();
    }
}

/// <summary>What came back.</summary>
public sealed record Reply(int Status, string Body, HttpResponseHeaders Headers, HttpContentHeaders Content)
{
    public static async Task<Reply> ReadAsync(HttpResponseMessage response) =>
        new((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers, response.Content.Headers);

    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public string AccessToken => Text("access_token");

    public string RefreshToken => Text("refresh_token");

    /// <summary>The payload of the access token, read without any library.</summary>
    public JsonElement Claims => Jwt.Payload(AccessToken);

    public string? Challenge => Headers.TryGetValues("WWW-Authenticate", out var values) ? string.Join(", ", values) : null;

    public string Text(string name) => Json.TryGetProperty(name, out var value) ? value.GetString()! : throw new Xunit.Sdk.XunitException($"no {name} in {Status} {Body}");
}
