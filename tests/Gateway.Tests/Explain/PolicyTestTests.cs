using System.Diagnostics;
using System.Text.Json;
using SecureMesh.Gateway.Routes;
using Xunit;

namespace SecureMesh.Gateway.Tests.Explain;

/// <summary><c>SecureMesh.Gateway --test-policy</c>: a configuration is judged as at a start, without a start.</summary>
public sealed class PolicyTestTests
{
    private static async Task<(int Exit, JsonElement Json)> RunAsync(string input)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "SecureMesh.Gateway"), ["--test-policy"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, JsonDocument.Parse(output).RootElement);
    }

    private static Task<(int Exit, JsonElement Json)> TestAsync(object? request, params (string Key, object Value)[] settings) =>
        RunAsync(JsonSerializer.Serialize(new { environment = new { propertySources = new[] { new { name = "gateway.yml", source = settings.ToDictionary(pair => pair.Key, pair => pair.Value) } } }, request }));

    private static (string Key, object Value)[] Routes =>
    [
        ("gateway.routes.all.path", "/**"), ("gateway.routes.all.service", "site"), ("gateway.routes.all.access", "public"),
        ("gateway.routes.things.path", "/things/{id}"), ("gateway.routes.things.service", "things"), ("gateway.routes.things.scopes.any[0]", "things.*"), ("gateway.routes.things.scopes.all[0]", "ui"),
        ("gateway.routes.things.claims.department[0]", "sales"),
        ("gateway.routes.new.path", "/things/{id}"), ("gateway.routes.new.methods[0]", "PUT"), ("gateway.routes.new.service", "things"), ("gateway.routes.new.scopes[0]", "ui"), ("gateway.routes.new.credentials[0]", "jwt"),
        ("gateway.routes.one.path", "/things/one"), ("gateway.routes.one.service", "things"), ("gateway.routes.one.scopes[0]", "ui"), ("gateway.routes.one.subjects[0]", "alice"),
    ];

    [Fact]
    public async Task All_faults_come_at_once_each_with_its_key()
    {
        var (exit, json) = await TestAsync(
            null, ("gateway.routes.a.path", "no-slash"), ("gateway.routes.a.service", "UPPER"), ("gateway.routes.a.scopes[0]", "*"), ("gateway.routes.a.unknown", 1), ("gateway.idleTimeout", "0:00"), ("gateway.explain.kept", -1), ("gateway.url", "nowhere"));

        Assert.Equal(1, exit);
        var faults = json.GetProperty("faults").EnumerateArray().Select(fault => fault.GetProperty("key").GetString()!).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(["gateway:explain:kept", "gateway:idleTimeout", "gateway:routes:a:path", "gateway:routes:a:scopes", "gateway:routes:a:service", "gateway:routes:a:unknown", "gateway:url"], faults);
        Assert.Empty(json.GetProperty("routes").EnumerateArray());
    }

    [Fact]
    public async Task Issuers_are_judged_too_with_and_without_a_request()
    {
        (string, object)[] settings = [.. Routes, ("gateway.issuers.corp.issuer", "https://corp.example/")];
        foreach (var request in new object?[] { null, new { method = "GET", path = "/things/1", credential = "jwt", claims = new { } } })
        {
            var (exit, json) = await TestAsync(request, settings);

            Assert.Equal(1, exit);
            Assert.Contains("gateway:issuers:corp:audience", json.GetProperty("faults").EnumerateArray().Select(fault => fault.GetProperty("key").GetString()));
        }
    }

    [Fact]
    public async Task The_routes_stand_in_the_order_in_which_they_are_preferred()
    {
        var (exit, json) = await TestAsync(null, Routes);

        Assert.Equal(0, exit);
        Assert.Equal(["one", "new", "things", "all"], json.GetProperty("routes").EnumerateArray().Select(route => route.GetProperty("id").GetString()));
        Assert.Equal("/{**rest}", json.GetProperty("routes")[3].GetProperty("path").GetString());
        var things = json.GetProperty("routes")[2];
        Assert.Equal(("things.*", "ui", "sales"), (things.GetProperty("anyScope")[0].GetString(), things.GetProperty("allScopes")[0].GetString(), things.GetProperty("claims").GetProperty("department")[0].GetString()));
    }

    [Theory]
    [InlineData("GET", "/elsewhere", null, "", null, "all", null)]
    [InlineData("GET", "/things/2", null, "", null, "things", "credential_missing")]
    [InlineData("GET", "/things/2", "jwt", "ui", "sales", "things", "scope_missing")]
    [InlineData("GET", "/things/2", "jwt", "things.read", "sales", "things", "scope_missing")]
    [InlineData("GET", "/things/2", "jwt", "ui things.read", null, "things", "policy_denied")]
    [InlineData("GET", "/things/2", "api-token", "ui things.read", "sales", "things", null)]
    [InlineData("PUT", "/things/2", "jwt", "ui", null, "new", null)]
    [InlineData("PUT", "/things/2", "opaque", "ui", null, "new", "credential_not_taken")]
    [InlineData("GET", "/things/one", "jwt", "ui", null, "one", "policy_denied")]
    [InlineData("GET", "/things/../x", "jwt", "ui", null, null, "request_refused")]
    public async Task A_request_of_somebody_who_is_described_is_judged(string method, string path, string? credential, string scopes, string? department, string? route, string? reason)
    {
        var claims = new Dictionary<string, object> { ["scope"] = scopes.Split(' ', StringSplitOptions.RemoveEmptyEntries), ["sub"] = "bob" };
        if (department is not null) claims["department"] = department;

        var (exit, json) = await TestAsync(new { method, path, credential, claims }, Routes);

        Assert.Equal(0, exit);
        var judged = json.GetProperty("request");
        Assert.Equal((route, reason), (Text(judged, "route"), Text(judged, "reason")));
        Assert.Equal(reason is null ? 0 : 1, judged.GetProperty("steps").EnumerateArray().Count(step => step.GetProperty("outcome").GetString() == "failed"));
    }

    [Fact]
    public async Task Claims_that_no_credential_has_do_no_harm()
    {
        var (_, json) = await TestAsync(new { method = "GET", path = "/things/one", credential = "jwt", claims = new { sub = new[] { "a", "b" }, client_id = 1, exp = "never", scope = "ui" } }, Routes);

        Assert.Equal("policy_denied", Text(json.GetProperty("request"), "reason"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("""{"environment":{}}""")]
    public async Task What_is_no_configuration_ends_with_78(string input)
    {
        var (exit, json) = await RunAsync(input);

        Assert.Equal(78, exit);
        Assert.NotEmpty(json.GetProperty("faults")[0].GetProperty("fault").GetString()!);
    }

    /// <summary>Which route a request takes is said without the framework's router; the two must never differ.</summary>
    [Fact]
    public async Task The_router_prefers_the_same_routes()
    {
        string[] patterns = ["/**", "/a/{**rest}", "/a/{x}", "/a/b", "/a/{x}/c", "/a/b/**", "/{x}/b", "/a/b/c", "/{x}/{y}/c"];
        var settings = patterns.SelectMany((pattern, i) => (string[][])[[$"r{i}", pattern, ""], [$"p{i}", pattern, "POST"]]).SelectMany(route => ((string, string)[])
        [
            ($"gateway:routes:{route[0]}:path", route[1]), ($"gateway:routes:{route[0]}:service", route[0]), ($"gateway:routes:{route[0]}:access", "public"),
            .. route[2].Length > 0 ? [($"gateway:routes:{route[0]}:methods:0", route[2])] : ((string, string)[])[],
        ]).ToArray();
        await using var door = await Door.OpenAsync(settings);
        var table = door.Gateway.Services.GetService(typeof(RouteTable)) as RouteTable;

        foreach (var path in (string[])["/", "/a", "/a/", "/a/b", "/A/B/", "/a/x", "/a/b/c", "/a/x/c", "/x/b", "/x/y/c", "/a/b/d", "/x", "/a/b/c/d", "/accounts", "/accounts/demo", "/uaa", "/uaa/x/c"])
        {
            foreach (var method in (string[])["GET", "POST", "PUT"])
            {
                // Nobody is there, and the refusal says where it would have gone.
                using var answer = await door.SendAsync(new HttpMethod(method), path);
                var kept = ((SecureMesh.Sdk.Explanations)door.Gateway.Services.GetService(typeof(SecureMesh.Sdk.Explanations))!).Find(answer.Headers.GetValues("X-Trace-Id").Single()).Single();
                Assert.Equal((method, path, kept.Route), (method, path, table!.Match.Find(method, path)?.Id));
            }
        }
    }

    private static string? Text(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.GetString() : null;
}
