using System.Net.Http.Headers;
using SecureMesh.Tests.Support;

namespace SecureMesh.Discovery.Tests.Access;

public sealed class CredentialsTests
{
    [Fact]
    public async Task Without_the_demo_nothing_but_health_answers_without_a_credential()
    {
        await using var registry = new RegistryHost(demo: false);

        foreach (var (method, path) in new[]
                 {
                     ("GET", "eureka/apps"), ("GET", "eureka/v2/apps/delta/"), ("GET", "eureka/apps/A"), ("POST", "eureka/apps/A"), ("PUT", "eureka/apps/A/a"),
                     ("DELETE", "eureka/apps/A/a"), ("GET", "eureka/vips/a"), ("GET", "eureka/instances/a"), ("GET", "eureka/status"), ("GET", ""), ("GET", "anything"),
                     ("POST", "eureka/peerreplication/batch"), ("GET", "eureka//apps"),
                 })
        {
            var answer = await registry.SendAsync(new HttpMethod(method), path);
            Assert.Equal((401, "", "Basic realm=\"eureka\""), (answer.Status, answer.Body, answer.Header("WWW-Authenticate")));
        }
        Assert.Equal(200, (await registry.GetAsync("actuator/health")).Status);
    }

    [Fact]
    public async Task Without_the_demo_a_service_reads_everything_and_registers_its_own_name()
    {
        await using var registry = new RegistryHost(demo: false);

        Assert.Equal(204, (await registry.RegisterAsync("ORDERS", RegistryHost.Instance("ORDERS", "o"), "orders")).Status);
        Assert.Equal(403, (await registry.RegisterAsync("BILLING", RegistryHost.Instance("BILLING", "b"), "orders")).Status);
        Assert.Equal(403, (await registry.RegisterAsync("ORDERS", RegistryHost.Instance("ORDERS", "o", ("vipAddress", "billing")), "orders")).Status);
        Assert.Equal(["o"], (await registry.GetAsync("eureka/apps", as_: "billing")).Ids);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_wrong_credential_is_a_401_even_where_none_is_needed(bool demo)
    {
        await using var registry = new RegistryHost(demo);

        foreach (var value in new[]
                 {
                     RegistryHost.Basic("orders", "wrong"), RegistryHost.Basic("nobody"), new AuthenticationHeaderValue("Basic", "!!!"),
                     new AuthenticationHeaderValue("Basic"), new AuthenticationHeaderValue("Bearer", "x.y.z"), new AuthenticationHeaderValue("Digest", "a"),
                 })
        {
            var answer = await registry.GetAsync("eureka/apps", headers: ("Authorization", value.ToString()));
            Assert.Equal((401, ""), (answer.Status, answer.Body));
            Assert.StartsWith("Basic realm=\"eureka\"", answer.Header("WWW-Authenticate"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_bearer_token_for_the_registry_with_scope_server_stands_for_its_client()
    {
        await using var issuer = await TestIssuer.StartAsync();
        await using var registry = new RegistryHost(false, null, [.. issuer.Settings.Select(setting => (setting.Key, setting.Value))]);
        string Token(string client, string audience, params string[] scopes) => "Bearer " + issuer.Token(
            ("client_id", client), ("sub", client), ("aud", new[] { audience }), ("scope", scopes));
        async Task<int> RegisterAsync(string app, string token) => (await registry.SendAsync(
            HttpMethod.Post, "eureka/apps/" + app, null, RegistryHost.Content(RegistryHost.Instance(app, "x")), headers: ("Authorization", token))).Status;

        Assert.Equal(204, await RegisterAsync("account-service", Token("account-service", "mesh://registry", "server")));
        Assert.Equal(403, await RegisterAsync("account-service", Token("orders", "mesh://registry", "server")));
        Assert.Equal(403, await RegisterAsync("account-service", Token("ACCOUNT-SERVICE", "mesh://registry", "server")));
        Assert.Equal(204, await RegisterAsync("stock", Token("stock", "mesh://registry", "server")));
        Assert.Equal(403, await RegisterAsync("stock2", Token("stock", "mesh://registry", "server")));
        Assert.Equal(403, await RegisterAsync("stock", Token("stock", "mesh://registry", "ui")));
        Assert.Equal(401, await RegisterAsync("stock", Token("stock", "mesh://account-service", "server")));
        Assert.Equal(401, await RegisterAsync("stock", Token("stock", "mesh://registry", "server") + "x"));
    }

    [Fact]
    public async Task The_demo_says_that_it_is_open_and_production_does_not()
    {
        await using var demo = new RegistryHost(demo: true);
        await using var production = new RegistryHost(demo: false);

        Assert.Contains(demo.Logs, line => line.StartsWith("Warning", StringComparison.Ordinal) && line.Contains("anyone on this machine", StringComparison.Ordinal));
        Assert.DoesNotContain(production.Logs, line => line.Contains("anyone on this machine", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_demo_is_open_to_this_machine_alone()
    {
        await using var registry = new RegistryHost(demo: true);

        // A page of another name that was pointed at 127.0.0.1, and a caller behind a proxy on this machine.
        Assert.Equal(401, (await RawHttp.SendAsync(registry.Url, "GET /eureka/apps HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")).Status);
        Assert.Equal(401, (await RawHttp.GetAsync(registry.Url, "/eureka/apps", "X-Forwarded-For: 192.0.2.7")).Status);
        Assert.Equal(200, (await RawHttp.GetAsync(registry.Url, "/eureka/apps")).Status);
    }

    [Fact]
    public async Task While_the_lease_lives_an_instance_belongs_to_who_registered_it()
    {
        var clock = new TestClock();
        await using var registry = new RegistryHost(true, clock, ("registry:allow:billing:0", "orders"));
        Assert.Equal(204, (await registry.RegisterAsync("ORDERS", RegistryHost.Instance("ORDERS", "o", RegistryHost.Lease(10)), "orders")).Status);
        Assert.Equal(204, (await registry.RegisterAsync("FREE", RegistryHost.Instance("FREE", "f", RegistryHost.Lease(100)))).Status);

        foreach (var other in new[] { null, "billing" })
        {
            Assert.Equal(403, (await registry.RegisterAsync("ORDERS", RegistryHost.Instance("ORDERS", "o", ("ipAddr", "10.6.6.6")), other)).Status);
            Assert.Equal(403, (await registry.PutAsync("eureka/apps/ORDERS/o", other)).Status);
            Assert.Equal(403, (await registry.DeleteAsync("eureka/apps/ORDERS/o", other)).Status);
            Assert.Equal(403, (await registry.PutAsync("eureka/apps/ORDERS/o/status?value=DOWN", other)).Status);
            Assert.Equal(403, (await registry.DeleteAsync("eureka/apps/ORDERS/o/status", other)).Status);
            Assert.Equal(403, (await registry.PutAsync("eureka/apps/ORDERS/o/metadata?zone=evil", other)).Status);
        }
        Assert.Equal(403, (await registry.DeleteAsync("eureka/apps/FREE/f", "orders")).Status);
        Assert.Equal(200, (await registry.DeleteAsync("eureka/apps/FREE/f")).Status);
        Assert.Equal("127.0.0.1", (await registry.GetAsync("eureka/apps/ORDERS/o")).Json.GetProperty("instance").GetProperty("ipAddr").GetString());

        clock.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal(204, (await registry.RegisterAsync("ORDERS", RegistryHost.Instance("ORDERS", "o"), "billing")).Status);
    }

    [Fact]
    public async Task A_principal_holds_a_limited_number_of_instances_and_so_does_the_registry()
    {
        await using var registry = new RegistryHost(true, null, ("registry:maxInstancesPerPrincipal", "2"), ("registry:maxInstances", "3"));
        async Task<int> RegisterAsync(string app, string id, string? who) => (await registry.RegisterAsync(app, RegistryHost.Instance(app, id), who)).Status;

        Assert.Equal(204, await RegisterAsync("A", "1", null));
        Assert.Equal(204, await RegisterAsync("A", "2", null));
        Assert.Equal(429, await RegisterAsync("A", "3", null));
        Assert.Equal(204, await RegisterAsync("A", "2", null));
        Assert.Equal(204, await RegisterAsync("ORDERS", "1", "orders"));
        Assert.Equal(429, await RegisterAsync("ORDERS", "2", "orders"));
        await registry.DeleteAsync("eureka/apps/A/1");
        Assert.Equal(204, await RegisterAsync("ORDERS", "2", "orders"));
    }

    [Fact]
    public async Task Changes_and_refusals_are_in_the_log_and_renewals_and_secrets_are_not()
    {
        await using var registry = new RegistryHost(demo: true);
        await registry.RegisterAsync("ORDERS", RegistryHost.Instance("ORDERS", "o-1"), "orders");
        await registry.PutAsync("eureka/apps/ORDERS/o-1", "orders");
        await registry.DeleteAsync("eureka/apps/ORDERS/o-1");
        await registry.PutAsync("eureka/apps/ORDERS/o-1/status?value=DOWN", "orders");
        await registry.DeleteAsync("eureka/apps/ORDERS/o-1", "orders");

        var audit = registry.Logs.Where(line => line.Contains("Discovery.Access.Audit", StringComparison.Ordinal)).ToArray();
        Assert.Collection(
            audit,
            line => Assert.Contains("Registered ORDERS/o-1 for orders from 127.0.0.1", line, StringComparison.Ordinal),
            line => Assert.Contains("Refused DELETE of ORDERS/o-1: the instance belongs to another; asked by (anonymous) from 127.0.0.1", line, StringComparison.Ordinal),
            line => Assert.Contains("Set the status of ORDERS/o-1 to DOWN for orders", line, StringComparison.Ordinal),
            line => Assert.Contains("Removed ORDERS/o-1 for orders", line, StringComparison.Ordinal));
        Assert.DoesNotContain(registry.Logs, line => line.Contains(RegistryHost.Secret("orders"), StringComparison.Ordinal));
    }
}
