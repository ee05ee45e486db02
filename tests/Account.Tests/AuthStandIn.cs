using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using SecureMesh.Tests.Support;

namespace SecureMesh.Account.Tests;

/// <summary>What auth does with the next request.</summary>
public enum Auth
{
    Works,
    Fails,
    WorksButAnswers500,
    Hangs,
    WorksButHangs,
    WorksButDropsTheConnection,
    Refuses400,
    Refuses403,
}

/// <summary>The part of auth that account calls, over real HTTP: keys, tokens, users. It can be told to misbehave.</summary>
internal sealed class AuthStandIn : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly TestIssuer _issuer;
    private readonly Channel<string> _arrived = Channel.CreateUnbounded<string>();
    private readonly ConcurrentDictionary<string, string> _tokens = new();

    private readonly Lock _gate = new();
    private int _present;

    private AuthStandIn(WebApplication app, TestIssuer issuer) => (_app, _issuer) = (app, issuer);

    public string Url { get; private set; } = "";

    /// <summary>Password and key of each user.</summary>
    public ConcurrentDictionary<string, (string Password, string Key)> Users { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>What to do with the next requests that create a user; empty: work.</summary>
    public ConcurrentQueue<Auth> Creates { get; } = new();

    /// <summary>What to do with the next requests that remove a user; empty: work.</summary>
    public ConcurrentQueue<Auth> Deletes { get; } = new();

    /// <summary>Method, key and body of every request about users.</summary>
    public ConcurrentQueue<(string Method, string Key, string Body)> Seen { get; } = new();

    /// <summary>The forms of token requests.</summary>
    public ConcurrentQueue<Dictionary<string, string>> TokenRequests { get; } = new();

    /// <summary>How many requests to create a user were here at the same time.</summary>
    public int MostAtOnce { get; private set; }

    public static async Task<AuthStandIn> StartAsync(TestIssuer issuer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var auth = new AuthStandIn(app, issuer);
        app.MapGet("/uaa/token_keys", () => Results.Json(new { keys = new[] { issuer.Key.Public } }));
        app.MapGet("/uaa/passport_keys", () => Results.Json(new { keys = new[] { issuer.PassportKey.Public } }));
        app.MapPost("/uaa/oauth/token", (Delegate)auth.TokenAsync);
        app.MapPost("/uaa/users", (Delegate)auth.CreateAsync);
        app.MapDelete("/uaa/users/{name}", (Delegate)auth.DeleteAsync);
        app.Urls.Add("http://127.0.0.1:0");
        await app.StartAsync();
        auth.Url = app.Urls.First();
        return auth;
    }

    /// <summary>Waits until a request about users has arrived (and, if it works, was worked on), and returns its method.</summary>
    public async Task<string> NextRequestAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return await _arrived.Reader.ReadAsync(limit.Token);
    }

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task<IResult> TokenAsync(HttpRequest request)
    {
        var form = (await request.ReadFormAsync()).ToDictionary(field => field.Key, field => field.Value.ToString());
        var basic = request.Headers.Authorization.ToString();
        if (AuthenticationHeaderValue.TryParse(basic, out var header) && header.Scheme == "Basic")
            form["credentials"] = Encoding.UTF8.GetString(Convert.FromBase64String(header.Parameter!));
        TokenRequests.Enqueue(form);
        if (form.GetValueOrDefault("credentials") != "account-service:account-secret")
            return Results.Json(new { error = "unauthorized", error_description = "Bad credentials" }, statusCode: 401);
        var token = _issuer.Token(("scope", new[] { form["scope"] }), ("client_id", "account-service"), ("aud", new[] { form["resource"] }));
        _tokens[token] = form["resource"] + " " + form["scope"];
        return Results.Json(new { access_token = token, token_type = "bearer", expires_in = 600, scope = form["scope"] });
    }

    private async Task<IResult> CreateAsync(HttpContext http)
    {
        lock (_gate) MostAtOnce = Math.Max(MostAtOnce, ++_present);
        try
        {
            return await CreateUserAsync(http);
        }
        finally
        {
            lock (_gate) _present--;
        }
    }

    private async Task<IResult> CreateUserAsync(HttpContext http)
    {
        using var body = await JsonDocument.ParseAsync(http.Request.Body);
        var name = body.RootElement.GetProperty("username").GetString()!;
        var password = body.RootElement.GetProperty("password").GetString()!;
        return await HandleAsync(http, Creates, body.RootElement.GetRawText(), key =>
            Users.GetOrAdd(name, (password, key)).Key == key ? Results.Ok() : Results.Conflict());
    }

    private Task<IResult> DeleteAsync(HttpContext http, string name) => HandleAsync(http, Deletes, name, key =>
        Users.TryGetValue(name, out var user) && user.Key == key && Users.TryRemove(name, out _) ? Results.Ok() : Results.NotFound());

    private async Task<IResult> HandleAsync(HttpContext http, ConcurrentQueue<Auth> behaviours, string body, Func<string, IResult> work)
    {
        var bearer = http.Request.Headers.Authorization.ToString().Replace("Bearer ", "", StringComparison.Ordinal);
        if (_tokens.GetValueOrDefault(bearer) != "mesh://auth-service server") return Results.Unauthorized();
        var key = http.Request.Headers["Idempotency-Key"].ToString();
        Seen.Enqueue((http.Request.Method, key, body));
        var behaviour = behaviours.TryDequeue(out var next) ? next : Auth.Works;

        var answer = behaviour is Auth.Works or Auth.WorksButAnswers500 or Auth.WorksButHangs or Auth.WorksButDropsTheConnection ? work(key) : null;
        _arrived.Writer.TryWrite(http.Request.Method);
        switch (behaviour)
        {
            case Auth.Hangs or Auth.WorksButHangs:
                await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                return Results.Empty;
            case Auth.WorksButDropsTheConnection:
                http.Abort();
                return Results.Empty;
            default:
                return behaviour switch
                {
                    Auth.Works => answer!,
                    Auth.Refuses400 => Results.BadRequest(),
                    Auth.Refuses403 => Results.StatusCode(403),
                    _ => Results.StatusCode(500),
                };
        }
    }
}
