using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;

namespace SecureMesh.Sdk.Tests.Discovery;

/// <summary>A registry as it stands in the field: no ETag and no held requests unless it is given an epoch.</summary>
internal sealed class StubEureka : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string App, string Id), JsonObject> _instances = [];
    private readonly List<JsonObject> _delta = [];
    private WebApplication? _app;
    private TaskCompletionSource _changed = new();
    private int _version;

    public string Root { get; private set; } = "";

    public string Url => Root + "/eureka/";

    /// <summary>Set: this server tags its answers <c>"EPOCH-VERSION"</c> and holds conditional requests.</summary>
    public string? Epoch { get; set; }

    /// <summary>Answers everything with this status.</summary>
    public int? Status { get; set; }

    public string? Location { get; set; }

    /// <summary>Answers fetches with this text.</summary>
    public string? Text { get; set; }

    /// <summary>The delta is not there (403), as some servers have it.</summary>
    public bool NoDelta { get; set; }

    /// <summary>The delta says nothing, as after a restart of the server.</summary>
    public bool EmptyDelta { get; set; }

    /// <summary>Never answers.</summary>
    public bool Hangs { get; set; }

    /// <summary>Method, path with query, Authorization, body of every request but fetches.</summary>
    public Channel<Seen> Writes { get; } = Channel.CreateUnbounded<Seen>();

    /// <summary>The same of fetches.</summary>
    public Channel<Seen> Fetches { get; } = Channel.CreateUnbounded<Seen>();

    internal sealed record Seen(string Method, string Path, string Authorization, string Body, string IfNoneMatch, string Prefer, string AcceptEncoding);

    public static async Task<StubEureka> StartAsync(string url = "http://127.0.0.1:0")
    {
        var server = new StubEureka();
        await server.RunAsync(url);
        return server;
    }

    public static JsonObject Instance(string app, string id, int port, string status = "UP") => new()
    {
        ["instanceId"] = id,
        ["hostName"] = "127.0.0.1",
        ["app"] = app.ToUpperInvariant(),
        ["ipAddr"] = "127.0.0.1",
        ["status"] = status,
        ["port"] = new JsonObject { ["$"] = port, ["@enabled"] = "true" },
        ["securePort"] = new JsonObject { ["$"] = 443, ["@enabled"] = "false" },
        ["vipAddress"] = app,
        ["metadata"] = new JsonObject { ["zone"] = "z1" },
        ["actionType"] = "ADDED",
    };

    public void Put(JsonObject instance) => Change(() =>
    {
        _instances[Key(instance)] = instance;
        _delta.Add(instance);
    });

    public void Remove(string app, string id) => Change(() =>
    {
        if (!_instances.Remove((app.ToUpperInvariant(), id), out var instance)) return;
        instance["actionType"] = "DELETED";
        _delta.Add(instance);
    });

    /// <summary>As if the process had been started again.</summary>
    public void Forget(string? epoch = null) => Change(() =>
    {
        _instances.Clear();
        _delta.Clear();
        _version = 0;
        if (epoch is not null) Epoch = epoch;
    });

    public async Task<Seen> WriteAsync(string method)
    {
        while (true)
        {
            var seen = await Writes.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(15));
            if (seen.Method == method) return seen;
        }
    }

    public async Task<Seen> FetchAsync(string path)
    {
        while (true)
        {
            var seen = await Fetches.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(15));
            if (seen.Path == path) return seen;
        }
    }

    public async Task StopAsync()
    {
        if (_app is null) return;
        await _app.DisposeAsync();
        _app = null;
    }

    public Task RestartAsync() => RunAsync(Root);

    public async ValueTask DisposeAsync()
    {
        Hangs = false;
        Change(() => { });
        await StopAsync();
    }

    private async Task RunAsync(string url)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.Zero);
        _app = builder.Build();
        _app.Map("/{**path}", AnswerAsync);
        _app.Urls.Add(url);
        await _app.StartAsync(TestContext.Current.CancellationToken);
        Root = _app.Urls.First();
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var request = http.Request;
        using var reader = new StreamReader(request.Body);
        var seen = new Seen(request.Method, request.Path + request.QueryString, request.Headers.Authorization.ToString(), await reader.ReadToEndAsync(),
            request.Headers.IfNoneMatch.ToString(), request.Headers["Prefer"].ToString(), request.Headers.AcceptEncoding.ToString());
        (request.Method == "GET" ? Fetches : Writes).Writer.TryWrite(seen);
        if (Hangs) await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        if (Location is not null) http.Response.Headers.Location = Location;
        if (Status is { } status)
        {
            http.Response.StatusCode = status;
            return;
        }
        var parts = request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        http.Response.StatusCode = (request.Method, parts) switch
        {
            ("POST", ["eureka", "apps", _]) => Register(seen.Body),
            ("PUT", ["eureka", "apps", var app, var id]) => Has(app, id) ? 200 : 404,
            ("DELETE", ["eureka", "apps", var app, var id]) => Cancel(app, id),
            ("GET", ["eureka", "apps"]) => 200,
            ("GET", ["eureka", "apps", "delta"]) => NoDelta ? 403 : 200,
            _ => 404,
        };
        if (request.Method == "GET" && http.Response.StatusCode == 200) await FetchAsync(http, delta: parts.Length == 3);
    }

    private async Task FetchAsync(HttpContext http, bool delta)
    {
        var headers = http.Request.Headers;
        if (Epoch is not null && !delta && headers.ContainsKey("Prefer"))
        {
            http.Response.Headers["Preference-Applied"] = "wait";
            Task changed;
            bool same;
            lock (_gate) (changed, same) = (_changed.Task, headers.IfNoneMatch == Tag());
            if (same) await changed.WaitAsync(http.RequestAborted);
        }
        string body;
        lock (_gate)
        {
            if (Epoch is not null && !delta) http.Response.Headers.ETag = Tag();
            if (Epoch is not null && headers.IfNoneMatch == Tag())
            {
                http.Response.StatusCode = 304;
                return;
            }
            body = Text ?? Applications(delta ? EmptyDelta ? [] : _delta : _instances.Values);
        }
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(body);
    }

    private string Applications(IEnumerable<JsonObject> instances) => new JsonObject
    {
        ["applications"] = new JsonObject
        {
            ["versions__delta"] = "1",
            ["apps__hashcode"] = string.Concat(_instances.Values.GroupBy(i => i["status"]!.ToString()).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{g.Key}_{g.Count()}_")),
            ["application"] = new JsonArray([.. instances.Select(i => new JsonObject { ["name"] = i["app"]!.ToString(), ["instance"] = new JsonArray(i.DeepClone()) })]),
        },
    }.ToJsonString();

    private int Register(string body)
    {
        Put(JsonNode.Parse(body)!["instance"]!.AsObject());
        return 204;
    }

    private int Cancel(string app, string id)
    {
        if (!Has(app, id)) return 404;
        Remove(app, id);
        return 200;
    }

    private bool Has(string app, string id)
    {
        lock (_gate) return _instances.ContainsKey((app.ToUpperInvariant(), id));
    }

    private void Change(Action change)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            change();
            _version++;
            changed = _changed;
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        changed.TrySetResult();
    }

    private string Tag() => $"\"{Epoch}-{_version}\"";

    private static (string, string) Key(JsonObject instance) => (instance["app"]!.ToString().ToUpperInvariant(), instance["instanceId"]!.ToString());
}
