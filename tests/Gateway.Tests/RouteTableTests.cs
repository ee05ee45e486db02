using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;
using Xunit;

namespace SecureMesh.Gateway.Tests;

public sealed class RouteTableTests
{
    private static (string, string)[] Route(params (string Field, string Value)[] fields) =>
        [.. new (string Field, string Value)[] { ("path", "/x/{**rest}"), ("service", "x-service"), ("scopes:0", "ui") }
            .Concat(fields).GroupBy(field => field.Field).Select(field => ("gateway:routes:x:" + field.Key, field.Last().Value))
            .Where(field => field.Item2.Length > 0)];

    private static IReadOnlyList<string> Faults(params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => KeyValuePair.Create(s.Key, (string?)s.Value))).Build();
        return RouteReader.Read(configuration).Faults;
    }

    [Theory]
    [InlineData("scopes:0", "", "gateway:routes:x needs either access: public or scopes.")]
    [InlineData("access", "public", "gateway:routes:x needs either access: public or scopes, not both.")]
    [InlineData("access", "open", "gateway:routes:x:access must be public or left out, not 'open'.")]
    [InlineData("access", "", null)]
    [InlineData("path", "", "gateway:routes:x:path is missing.")]
    [InlineData("path", "x", "gateway:routes:x:path must begin with '/', not 'x'.")]
    [InlineData("path", "/x/../y", "gateway:routes:x:path '/x/../y': '..' is no segment of a path.")]
    [InlineData("path", "/x//y", "gateway:routes:x:path '/x//y': an empty segment.")]
    [InlineData("path", "/{**a}/y", "gateway:routes:x:path '/{**a}/y': '{**a}' must stand at the end.")]
    [InlineData("path", "/{a}/{a}", "gateway:routes:x:path '/{a}/{a}': the name in '{a}' stands there twice.")]
    [InlineData("path", "/x/{id:int}", "gateway:routes:x:path '/x/{id:int}': '{id:int}' is neither {name} nor {**name}.")]
    [InlineData("path", "/x/{id", "gateway:routes:x:path '/x/{id': '{id' is neither {name} nor {**name}.")]
    [InlineData("path", "/x%2fy", "gateway:routes:x:path '/x%2fy': 'x%2fy' is no segment of a path.")]
    [InlineData("path", "/x/**/y", "gateway:routes:x:path '/x/**/y': '**' is no segment of a path: {name} matches one segment, and {**rest} or ** at the end all that follow.")]
    [InlineData("path", "/x/*", "gateway:routes:x:path '/x/*': '*' is no segment of a path: {name} matches one segment, and {**rest} or ** at the end all that follow.")]
    [InlineData("path", "/x**", "gateway:routes:x:path '/x**': 'x**' is no segment of a path: {name} matches one segment, and {**rest} or ** at the end all that follow.")]
    [InlineData("path", "/x/***", "gateway:routes:x:path '/x/***': '***' is no segment of a path: {name} matches one segment, and {**rest} or ** at the end all that follow.")]
    [InlineData("path", "**", "gateway:routes:x:path must begin with '/', not '**'.")]
    [InlineData("path", "/{rest}/**", "gateway:routes:x:path '/{rest}/**': the name in '{**rest}' stands there twice.")]
    [InlineData("path", "/actuator/**", "gateway:routes:x:path '/actuator' is answered by the gateway itself.")]
    [InlineData("path", "/x/**", null)]
    [InlineData("path", "/healthz", "gateway:routes:x:path '/healthz' is answered by the gateway itself.")]
    [InlineData("path", "/Actuator/{**rest}", "gateway:routes:x:path '/Actuator' is answered by the gateway itself.")]
    [InlineData("path", "/", null)]
    [InlineData("path", "/a/{id}/b", null)]
    [InlineData("service", "", "gateway:routes:x:service is missing.")]
    [InlineData("service", "X_Service", "gateway:routes:x:service must be a wire name (lower case letters, digits, hyphens), not 'X_Service'.")]
    [InlineData("methods:0", "FETCH", "gateway:routes:x:methods must be of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, not 'FETCH'.")]
    [InlineData("methods:0", "get", "gateway:routes:x:methods must be of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, not 'get'.")]
    [InlineData("methods", "GET", null)]
    [InlineData("methods", "GET,FETCH", "gateway:routes:x:methods must be of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, not 'FETCH'.")]
    [InlineData("methods", "GET,", "gateway:routes:x:methods must be of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, not ''.")]
    [InlineData("methods", ",", "gateway:routes:x:methods must be of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, not ''.", 2)]
    [InlineData("scopes", "server", "gateway:routes:x:scopes must be one text or a list, not both.")]
    [InlineData("headers", "X-One, cookie", "gateway:routes:x:headers cannot hold Cookie: set cookies: true.")]
    [InlineData("credentials", "jwt, password", "gateway:routes:x:credentials must be of jwt, opaque, api-token, basic, foreign, not 'password'.")]
    [InlineData("scopes:1", "a b", "gateway:routes:x:scopes must be scope names (RFC 6749 §3.3), not 'a b'.")]
    [InlineData("timeout", "10", "gateway:routes:x:timeout must be a time with its unit, above 0 and at most 1h, such as 500ms, 10s or 2m, not '10'.")]
    [InlineData("timeout", "0s", "gateway:routes:x:timeout must be a time with its unit, above 0 and at most 1h, such as 500ms, 10s or 2m, not '0s'.")]
    [InlineData("timeout", "-5s", "gateway:routes:x:timeout must be a time with its unit, above 0 and at most 1h, such as 500ms, 10s or 2m, not '-5s'.")]
    [InlineData("timeout", "2h", "gateway:routes:x:timeout must be a time with its unit, above 0 and at most 1h, such as 500ms, 10s or 2m, not '2h'.")]
    [InlineData("timeout", "2m", null)]
    [InlineData("relay:0", "X Y", "gateway:routes:x:relay must be names of headers, not 'X Y'.")]
    [InlineData("relay:0", "X_User", "gateway:routes:x:relay must be names of headers, not 'X_User'.")]
    [InlineData("relay:0", "cookie", "gateway:routes:x:relay cannot hold Cookie: set cookies: true.")]
    [InlineData("relay:0", "Transfer-Encoding", "gateway:routes:x:relay cannot hold Transfer-Encoding: it is for one connection only, or written by the gateway.")]
    [InlineData("relay:0", "x-forwarded-for", "gateway:routes:x:relay cannot hold x-forwarded-for: it is for one connection only, or written by the gateway.")]
    [InlineData("cookies", "yes", "gateway:routes:x:cookies must be true or false, not 'yes'.")]
    [InlineData("limits:perAddress", "60", "gateway:routes:x:limits:perAddress must be a number per second, minute or hour, such as 60/minute, not '60'.")]
    [InlineData("limits:perAddress", "0/minute", "gateway:routes:x:limits:perAddress must be a number per second, minute or hour, such as 60/minute, not '0/minute'.")]
    [InlineData("limits:perUser", "60/minute", "gateway:routes:x:limits:perUser is no limit of a route.")]
    [InlineData("limits", "60/minute", "gateway:routes:x:limits must hold perAddress, perSubject, perClient or total, for example 60/minute.")]
    [InlineData("limits:perSubject", "60/day", "gateway:routes:x:limits:perSubject must be a number per second, minute or hour, such as 60/minute, not '60/day'.")]
    [InlineData("limits:perClient", "many", "gateway:routes:x:limits:perClient must be a number per second, minute or hour, such as 60/minute, not 'many'.")]
    [InlineData("limits:total", "-1/second", "gateway:routes:x:limits:total must be a number per second, minute or hour, such as 60/minute, not '-1/second'.")]
    [InlineData("limits:total", "10000/second", null)]
    [InlineData("retries", "6", "gateway:routes:x:retries must be a number of further instances, 0 to 5, not '6'.")]
    [InlineData("instances", "version=2", "gateway:routes:x:instances must hold metadata of instances by name, such as version: \"2\".")]
    [InlineData("instances:version:0", "2", "gateway:routes:x:instances:version must be the value that the instance's metadata have.")]
    [InlineData("instances:version", "2", null)]
    [InlineData("maxBodyBytes", "1MB", "gateway:routes:x:maxBodyBytes must be a number of bytes, not '1MB'.")]
    [InlineData("claims", "zid=uaa", "gateway:routes:x:claims must hold claims by name, such as zid: [uaa].")]
    [InlineData("headers:X-One", "true", "gateway:routes:x:headers must be a list of plain texts.")]
    [InlineData("criticalAfter", "10s", "gateway:routes:x:criticalAfter counts beside revocation: critical alone.")]
    [InlineData("scope", "ui", "gateway:routes:x:scope is no field of a route, but scopes is.")]
    [InlineData("method", "GET", "gateway:routes:x:method is no field of a route, but methods is.")]
    [InlineData("credential", "jwt", "gateway:routes:x:credential is no field of a route, but credentials is.")]
    [InlineData("header", "X-One", "gateway:routes:x:header is no field of a route, but headers is.")]
    [InlineData("Subject", "alice", "gateway:routes:x:Subject is no field of a route, but subjects is.")]
    [InlineData("max-body-bytes", "1", "gateway:routes:x:max-body-bytes is no field of a route, but maxBodyBytes is.")]
    [InlineData("auth", "none", "gateway:routes:x:auth is no field of a route.")]
    [InlineData("roles:0", "admin", "gateway:routes:x:roles is no field of a route.")]
    [InlineData("limits:perAdress", "60/minute", "gateway:routes:x:limits:perAdress is no limit of a route, but perAddress is.")]
    public void A_fault_is_named_by_the_key_that_an_operator_types(string field, string value, string? fault, int times = 1) =>
        Assert.Equal(fault is null ? [] : Enumerable.Repeat(fault, times), Faults(Route((field, value))));

    [Fact]
    public void A_list_may_be_written_as_one_text()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(Route(
                ("scopes:0", ""), ("scopes", "server"), ("methods", "GET, PUT"), ("credentials", "jwt,opaque"), ("headers", "X-One"), ("subjects", "cn=a,ou=b"), ("claims:zid", "uaa,other"),
                ("cors:origins", "https://app.example,http://localhost:3000"), ("cors:methods", "GET"), ("cors:headers", "Authorization, X-One"), ("cors:exposed", "ETag"))
            .Select(s => KeyValuePair.Create(s.Item1, (string?)s.Item2))).Build();

        var (routes, faults) = RouteReader.Read(configuration);

        Assert.Empty(faults);
        var route = Assert.Single(routes);
        Assert.Equal(["server"], route.Policy.AnyScope);
        Assert.Equal(["GET", "PUT"], route.Methods);
        Assert.Equal([CredentialKind.Jwt, CredentialKind.Opaque], route.Credentials);
        Assert.Equal(["X-One"], route.Headers);
        // A comma in what a token says is part of it.
        Assert.Equal(["cn=a,ou=b"], route.Policy.Subjects);
        Assert.Equal(["uaa,other"], route.Policy.Claims["zid"]);
        Assert.Equal(["https://app.example", "http://localhost:3000"], route.Cors!.Origins);
        Assert.Equal(["GET"], route.Cors.Methods);
        Assert.Equal(["Authorization", "X-One"], route.Cors.Headers);
        Assert.Equal(["ETag"], route.Cors.Exposed);
    }

    [Theory]
    [InlineData("subjects", "alice", "subjects:0", "bob", "gateway:routes:x:subjects must be one text or a list, not both.")]
    [InlineData("claims:zid", "uaa", "claims:zid:0", "other", "gateway:routes:x:claims:zid must be one text or a list, not both.")]
    [InlineData("scopes:any", "ui", "scopes:any:0", "server", "gateway:routes:x:scopes:any must be one text or a list, not both.")]
    [InlineData("scopes", "server", "scopes:any", "ui", "gateway:routes:x:scopes must be one text or a section with any and all, not both.")]
    [InlineData("scopes:any", "ui, server", "scopes:all", "openid", null)]
    public void Both_ways_to_write_a_list_are_not_mixed(string field, string value, string other, string otherValue, string? fault) =>
        Assert.Equal(fault is null ? [] : [fault], Faults(Route((field, value), (other, otherValue), ("scopes:0", field.StartsWith("scopes", StringComparison.Ordinal) ? "" : "ui"))));

    [Theory]
    [InlineData("x-service:retryBudget", "20%", "gateway:services:x-service:retryBudget must be retries to a hundred requests, 0 to 100, not '20%'.")]
    [InlineData("x-service:retryBudget", "101", "gateway:services:x-service:retryBudget must be retries to a hundred requests, 0 to 100, not '101'.")]
    [InlineData("x-service:retryBudget", "0", null)]
    [InlineData("x-service:maxInFlight", "0", "gateway:services:x-service:maxInFlight must be a number of requests, 1 to 1000000, not '0'.")]
    [InlineData("x-service:maxInFlight", "2000000", "gateway:services:x-service:maxInFlight must be a number of requests, 1 to 1000000, not '2000000'.")]
    [InlineData("x-service:maxInFlight", "1", null)]
    [InlineData("x-service:http2", "yes", "gateway:services:x-service:http2 must be true or false, not 'yes'.")]
    [InlineData("x-service:http2", "false", null)]
    [InlineData("x-service:weight", "3", "gateway:services:x-service:weight is no setting of a service.")]
    [InlineData("y-service:http2", "true", "gateway:services:y-service is the service of no route.")]
    public void A_fault_of_a_services_settings_is_one_of_the_routes(string key, string value, string? fault) =>
        Assert.Equal(fault is null ? [] : [fault], Faults([.. Route(), ("gateway:services:" + key, value)]));

    [Fact]
    public void The_settings_of_a_service_hold_for_all_its_routes()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(
            new[] { ("gateway:services:x-service:retryBudget", "5"), ("gateway:services:x-service:maxInFlight", "7"), ("gateway:services:x-service:http2", "true") }
                .Concat(Route()).Concat([("gateway:routes:y:path", "/y"), ("gateway:routes:y:service", "y-service"), ("gateway:routes:y:access", "public")])
                .Select(s => KeyValuePair.Create(s.Item1, (string?)s.Item2))).Build();

        var (routes, faults) = RouteReader.Read(configuration);

        Assert.Empty(faults);
        Assert.Equal((5, 7, true), (routes[0].Settings.RetryBudget, routes[0].Settings.MaxInFlight, routes[0].Settings.Http2));
        Assert.Equal((20, 5000, null), (routes[1].Settings.RetryBudget, routes[1].Settings.MaxInFlight, routes[1].Settings.Http2));
    }

    [Theory]
    [InlineData("/x/{**rest}", "/X/{**other}/", null, true)]
    [InlineData("/x/{**rest}", "/X/**/", null, true)]
    [InlineData("/**", "/{**all}", null, true)]
    [InlineData("/x/**", "/x/{b}", null, false)]
    [InlineData("/x/{a}", "/x/{b}", null, true)]
    [InlineData("/x/a", "/x/{b}", null, false)]
    [InlineData("/x/a", "/x/a", "GET", false)]
    public void Two_routes_for_the_same_requests_are_a_fault(string one, string other, string? method, bool same)
    {
        var second = new List<(string, string)> { ("gateway:routes:y:path", other), ("gateway:routes:y:service", "y"), ("gateway:routes:y:access", "public") };
        if (method is not null) second.Add(("gateway:routes:y:methods:0", method));

        var faults = Faults([.. Route(("path", one)), .. second]);

        Assert.Equal(same ? ["gateway:routes:y and gateway:routes:x match the same requests."] : [], faults);
    }

    [Theory]
    [InlineData("/bench/**", "/bench/{**rest}")]
    [InlineData("/bench/**/", "/bench/{**rest}")]
    [InlineData("/**", "/{**rest}")]
    [InlineData("/a/{id}/**", "/a/{id}/{**rest}")]
    [InlineData("/bench/{**all}", "/bench/{**all}")]
    public void Two_stars_at_the_end_match_all_that_follows(string path, string pattern)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(Route(("path", path)).Select(s => KeyValuePair.Create(s.Item1, (string?)s.Item2))).Build();

        Assert.Equal(pattern, Assert.Single(RouteReader.Read(configuration).Routes).Path);
    }

    [Fact]
    public void All_faults_are_found_at_once()
    {
        var faults = Faults([.. Route(("path", "x"), ("timeout", "soon")), ("gateway:routes:y:path", "/y")]);

        Assert.Equal(3, faults.Count);
    }

    [Fact]
    public async Task V_094_a_route_without_a_policy_stops_the_start()
    {
        var settings = Door.MeshRoutes;
        settings["gateway:routes:open:path"] = "/open/{**rest}";
        settings["gateway:routes:open:service"] = "open-service";

        var (exit, error) = await GatewayProcess.EndAsync(settings);

        Assert.Equal(78, exit);
        Assert.Equal("cannot start: the routes are wrong: gateway:routes:open needs either access: public or scopes.", error);
    }

    [Fact]
    public async Task A_gateway_without_routes_does_not_start()
    {
        var (exit, error) = await GatewayProcess.EndAsync([]);

        Assert.Equal(78, exit);
        Assert.Equal("cannot start: the routes are wrong: gateway:routes is empty: the gateway would serve nothing.", error);
    }

    [Fact]
    public async Task A_change_that_cannot_even_be_read_throws_at_nobody_and_leaves_the_old_routes()
    {
        await using var door = await Door.OpenAsync();
        var table = door.Gateway.Services.GetRequiredService<RouteTable>();
        var routes = table.Current;

        door.Live.Break(true);
        door.Live.Change();
        Assert.Same(routes, table.Current);
        Assert.Equal("The changed routes cannot be read (NotSupportedException).", table.Fault);
        Assert.Single(door.Gateway.Logs, line => line.StartsWith("Error SecureMesh.Gateway.Routes.RouteTable", StringComparison.Ordinal));

        door.Live.Break(false);
        door.Live.Change(("gateway:routes:new:path", "/new"), ("gateway:routes:new:service", "account-service"), ("gateway:routes:new:access", "public"));
        Assert.Null(table.Fault);
        Assert.Contains(table.Current, route => route.Id == "new");
    }

    [Fact]
    public async Task Instances_that_cannot_be_taken_are_tried_again_without_another_change()
    {
        await using var door = await Door.OpenAsync();
        await using var backend = await Backend.StartAsync();

        door.Registry.Break(3); // more than the changes that may still be under way from the start
        door.Registry.Add("account-service", backend);
        await Eventually.TrueAsync(() => door.Gateway.Logs.Any(line => line.Contains("could not be taken over", StringComparison.Ordinal)), "the failure is said");

        await door.KnowsAsync("account-service", 1);
    }

    [Fact]
    public async Task A_changed_table_is_in_force_within_two_seconds_without_a_restart()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service");
        using var before = await door.GetAsync("/new/thing");
        Assert.Equal(HttpStatusCode.NotFound, before.StatusCode);

        door.Live.Change(("gateway:routes:new:path", "/new/{**rest}"), ("gateway:routes:new:service", "account-service"), ("gateway:routes:new:access", "public"));

        await Eventually.AnswersAsync(async () => (await door.GetAsync("/new/thing")).StatusCode == HttpStatusCode.OK, "the new route answers", TimeSpan.FromSeconds(2));
    }

    [Fact]
    public async Task A_changed_policy_alone_is_in_force_too()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service");
        var token = door.Issuer.UserToken("alice", "ui");
        using var before = await door.GetAsync("/accounts/current", token);
        Assert.Equal(HttpStatusCode.OK, before.StatusCode);

        door.Live.Change(("gateway:routes:accounts:scopes:0", "staff"));

        await Eventually.AnswersAsync(async () => (await door.GetAsync("/accounts/current", token)).StatusCode == HttpStatusCode.Forbidden, "ui is not enough any more", TimeSpan.FromSeconds(2));
        using var staff = await door.GetAsync("/accounts/current", door.Issuer.UserToken("bob", "staff"));
        Assert.Equal(HttpStatusCode.OK, staff.StatusCode);
    }

    [Fact]
    public async Task A_broken_table_is_refused_whole_logged_and_shown_in_health_and_a_mended_one_is_taken()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service");
        var admin = door.Issuer.ClientToken("admin", "uaa.admin");

        door.Live.Change(
            ("gateway:routes:good:path", "/good/{**rest}"), ("gateway:routes:good:service", "account-service"), ("gateway:routes:good:access", "public"),
            ("gateway:routes:bad:path", "/bad/{**rest}"), ("gateway:routes:bad:service", "account-service"));

        const string fault = "gateway:routes:bad needs either access: public or scopes.";
        await Eventually.TrueAsync(() => door.Gateway.Logs.Any(line => line.StartsWith("Error", StringComparison.Ordinal) && line.Contains(fault, StringComparison.Ordinal)), "the fault is logged");
        var component = (await HealthAsync(door, admin)).GetProperty("components").GetProperty("routes");
        Assert.Equal("UNKNOWN", component.GetProperty("status").GetString());
        Assert.Equal(fault, component.GetProperty("details").GetProperty("error").GetString());
        foreach (var path in new[] { "/good/x", "/bad/x" })
        {
            using var refused = await door.GetAsync(path);
            Assert.Equal(HttpStatusCode.NotFound, refused.StatusCode);
        }
        using var old = await door.GetAsync("/accounts/demo");
        Assert.Equal(HttpStatusCode.OK, old.StatusCode);

        door.Live.Change(("gateway:routes:bad:scopes:0", "ui"));

        await Eventually.AnswersAsync(async () => (await door.GetAsync("/good/x")).StatusCode == HttpStatusCode.OK, "the mended table is in force", TimeSpan.FromSeconds(2));
        using var guarded = await door.GetAsync("/bad/x");
        Assert.Equal(HttpStatusCode.Unauthorized, guarded.StatusCode);
        Assert.Equal("UP", (await HealthAsync(door, admin)).GetProperty("components").GetProperty("routes").GetProperty("status").GetString());
    }

    [Theory]
    [InlineData("gateway:issuers:corp:issuer", "https://corp.example/", "gateway:issuers:corp:audience is missing")]
    [InlineData("gateway:routes:bad:path", "/bad", "gateway:routes:bad:service is missing")]
    public async Task A_change_is_judged_before_any_of_it_is_in_force_and_the_fault_is_shown_until_it_is_mended(string key, string value, string fault)
    {
        await using var door = await Door.OpenAsync();
        var admin = door.Issuer.ClientToken("admin", "uaa.admin");
        var (table, before) = (door.Gateway.Services.GetRequiredService<RouteTable>(), door.Gateway.Services.GetRequiredService<RouteTable>().Current);

        Assert.Contains(Judge(door, (key, value)), one => one.StartsWith(fault, StringComparison.Ordinal));

        Assert.Same(before, table.Current);
        Assert.StartsWith(fault, (await HealthAsync(door, admin)).GetProperty("components").GetProperty("routes").GetProperty("details").GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Empty(Judge(door));
        Assert.Equal("UP", (await HealthAsync(door, admin)).GetProperty("components").GetProperty("routes").GetProperty("status").GetString());
    }

    [Fact]
    public async Task One_bad_setting_of_a_service_refuses_the_whole_change_and_keeps_the_old()
    {
        await using var door = await Door.OpenAsync(("gateway:services:account-service:maxInFlight", "10"));
        var table = door.Gateway.Services.GetRequiredService<RouteTable>();
        var routes = table.Current;

        door.Live.Change(("gateway:services:account-service:maxInFlight", "20"), ("gateway:services:account-service:retryBudget", "all"), ("gateway:routes:accounts-demo:timeout", "1s"));
        Assert.Same(routes, table.Current);
        Assert.Equal("gateway:services:account-service:retryBudget must be retries to a hundred requests, 0 to 100, not 'all'.", table.Fault);

        door.Live.Change(("gateway:services:account-service:retryBudget", "10"));
        Assert.Null(table.Fault);
        Assert.All(table.Current.Where(route => route.Service == "account-service"), route => Assert.Equal((20, 10), (route.Settings.MaxInFlight, route.Settings.RetryBudget)));
        Assert.Equal(TimeSpan.FromSeconds(1), table.Current.Single(route => route.Id == "accounts-demo").Timeout);
    }

    [Fact]
    public async Task A_setting_that_does_not_validate_fails_no_request()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service");

        Assert.Throws<AggregateException>(() => door.Live.Change(("gateway:url", "nonsense"))); // the configuration client takes it back then

        using var answer = await door.GetAsync("/accounts/demo");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task Fifty_changes_under_load_every_fifth_broken_fail_no_request()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service");
        using var stop = new CancellationTokenSource();
        var load = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            var answered = 0;
            while (!stop.IsCancellationRequested)
            {
                using var answer = await door.GetAsync("/accounts/demo");
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
                answered++;
            }
            return answered;
        }, TestContext.Current.CancellationToken)).ToArray();

        for (var i = 0; i < 50; i++)
        {
            door.Live.Change(i % 5 == 4 ? ("gateway:routes:accounts-demo:timeout", "never") : ("gateway:routes:accounts-demo:timeout", $"{10 + i}s"));
            await Task.Yield();
        }
        door.Live.Change(
            ("gateway:routes:accounts-demo:timeout", "10s"),
            ("gateway:routes:last:path", "/last"), ("gateway:routes:last:service", "account-service"), ("gateway:routes:last:access", "public"));
        await Eventually.AnswersAsync(async () => (await door.GetAsync("/last")).StatusCode == HttpStatusCode.OK, "the last table is in force");
        await stop.CancelAsync();

        Assert.All(await Task.WhenAll(load), answered => Assert.True(answered > 0));
    }

    [Theory]
    [InlineData("mesh:revocations:whenCut", "opne", "mesh:revocations:whenCut must be open or critical, not 'opne'.")]
    [InlineData("gateway:dpop:replay", "once", "gateway:dpop:replay must be local or nonce, not 'once'.")]
    [InlineData("mesh:explain:kept", "many", "Failed to convert configuration value 'many'")]
    public async Task What_is_wrong_in_any_options_is_found_before_the_routes_beside_them_are_in_force(string key, string value, string fault)
    {
        await using var door = await Door.OpenAsync();

        Assert.StartsWith(fault, Assert.Single(Judge(door, ("gateway:routes:accounts:scopes:1", "openid"), (key, value))), StringComparison.Ordinal);
        Assert.Empty(Judge(door, ("gateway:routes:accounts:scopes:1", "openid"), ("mesh:revocations:whenCut", "critical"), ("gateway:dpop:replay", "nonce")));
    }

    /// <summary>What the parts of the gateway say of a change that is not in force.</summary>
    private static string[] Judge(Door door, params (string Key, string? Value)[] changes)
    {
        var candidate = new ConfigurationBuilder().AddConfiguration(door.Gateway.Services.GetRequiredService<IConfiguration>())
            .AddInMemoryCollection(changes.Select(change => KeyValuePair.Create(change.Key, change.Value))).Build();
        return [.. door.Gateway.Services.GetServices<IConfigurationCheck>().SelectMany(check => check.Faults(candidate))];
    }

    private static async Task<JsonElement> HealthAsync(Door door, string token)
    {
        using var answer = await door.GetAsync("/actuator/health", token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
    }
}
