namespace SecureMesh.Discovery.Tests.Access;

public sealed class ReservedNamesTests : IAsyncDisposable
{
    private readonly RegistryHost _registry = new();

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    public static TheoryData<string, string, string?> Attempts()
    {
        var attempts = new TheoryData<string, string, string?>();
        foreach (var stranger in new[] { null, "orders", "gateway", "Account-Service" })
        {
            // Address, application of the body.
            attempts.Add("ACCOUNT-SERVICE", "ACCOUNT-SERVICE", stranger);
            attempts.Add("account-service", "account-service", stranger);
            attempts.Add("Account-Service", "aCCOUNT-sERVICE", stranger);
            attempts.Add("ACCOUNT%2DSERVICE", "ACCOUNT-SERVICE", stranger);
            attempts.Add("%41ccount-service/", "ACCOUNT-SERVICE", stranger);
            attempts.Add("/ACCOUNT-SERVICE", "ACCOUNT-SERVICE", stranger);
            attempts.Add("ACCOUNT-SERVICE", "OTHER", stranger);
            attempts.Add("ACCOUNT-SERVICE.", "ACCOUNT-SERVICE.", stranger);
            attempts.Add("ACCOUNT-SERVICE%20", "ACCOUNT-SERVICE ", stranger);
            attempts.Add("%20ACCOUNT-SERVICE", " ACCOUNT-SERVICE", stranger);
            attempts.Add("ACCOUNT-SERVICE%3A8082", "ACCOUNT-SERVICE:8082", stranger);
            attempts.Add("auth-service", "auth-service", stranger);
            attempts.Add("registry", "registry", stranger);
            attempts.Add("config", "CONFIG", stranger);
        }
        return attempts;
    }

    [Theory]
    [MemberData(nameof(Attempts))]
    public async Task A_stranger_cannot_register_a_name_of_the_mesh(string path, string app, string? stranger)
    {
        var json = RegistryHost.Instance(app, "evil", ("vipAddress", "orders"));
        foreach (var (body, type) in new[] { (json, "application/json"), (RegistryHost.AsXml(json), "application/xml") })
        {
            foreach (var prefix in new[] { "eureka/apps/", "eureka/v2/apps/" })
            {
                var answer = await _registry.SendAsync(HttpMethod.Post, prefix + path, stranger, RegistryHost.Content(body, type));
                Assert.Equal((403, "", "0"), (answer.Status, answer.Body, answer.Header("Content-Length")));
            }
        }
        Assert.Empty((await _registry.GetAsync("eureka/apps")).Ids);
    }

    /// <summary>That an instance under an open name gets no more than a passport for itself, PassportTests of the gateway say.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task V_119_a_rogue_instance_is_found_under_no_name_of_the_mesh_and_moves_no_instance_that_is(bool demo)
    {
        await using var registry = new RegistryHost(demo);
        string[] names = ["gateway", "auth-service", "account-service", "config", "registry"];
        foreach (var name in names)
            Assert.Equal(204, (await registry.RegisterAsync(name, RegistryHost.Instance(name, "own-" + name, ("ipAddr", "10.0.0.1"), ("hostName", "10.0.0.1")), name)).Status);

        foreach (var name in names)
        {
            // Nobody, a service that belongs here under its own name, and one that shows another's name with its own secret.
            foreach (var (who, secret) in ((string?, string)[])[(null, ""), ("orders", RegistryHost.Secret("orders")), (names[(names.IndexOf(name) + 1) % names.Length], RegistryHost.Secret(names[(names.IndexOf(name) + 1) % names.Length])), (name, RegistryHost.Secret("orders"))])
            {
                async Task RefusedAsync(string method, string path, string? body = null)
                {
                    (string, string)[] shown = who is null ? [] : [("Authorization", RegistryHost.Basic(who, secret).ToString())];
                    var answer = await registry.SendAsync(new HttpMethod(method), "eureka/apps/" + path, null, body is null ? null : RegistryHost.Content(body), headers: shown);
                    Assert.True(answer.Status is 401 or 403, $"{method} {path} as {who}: {answer.Status}");
                }

                (string, object?)[] elsewhere = [("ipAddr", "10.6.6.6"), ("hostName", "10.6.6.6")];
                await RefusedAsync("POST", name, RegistryHost.Instance(name, "rogue", elsewhere));
                await RefusedAsync("POST", name, RegistryHost.Instance(name, "own-" + name, elsewhere)); // in place of the true one
                await RefusedAsync("POST", who ?? "rogue", RegistryHost.Instance(who ?? "rogue", "rogue", [.. elsewhere, ("vipAddress", name)]));
                await RefusedAsync("POST", who ?? "rogue", RegistryHost.Instance(who ?? "rogue", "rogue", [.. elsewhere, ("vipAddress", "rogue"), ("secureVipAddress", "rogue," + name.ToUpperInvariant())]));
                foreach (var (method, path) in ((string, string)[])[("PUT", ""), ("PUT", "/status?value=OUT_OF_SERVICE"), ("PUT", "/metadata?weight=0"), ("DELETE", "/status"), ("DELETE", "")])
                    await RefusedAsync(method, $"{name}/own-{name}{path}");
            }
        }

        foreach (var name in names)
        {
            foreach (var path in (string[])["eureka/apps/" + name, "eureka/vips/" + name])
            {
                var found = await registry.GetAsync(path, as_: "gateway");
                Assert.Contains("own-" + name, found.Body, StringComparison.Ordinal);
            }
        }
        var all = await registry.GetAsync("eureka/apps", as_: "gateway");
        Assert.Equal([.. names.Select(name => "own-" + name).Order(StringComparer.Ordinal)], all.Ids);
        Assert.All(all.Instances, instance => Assert.Equal(("10.0.0.1", "UP"), (instance.GetProperty("ipAddr").GetString(), instance.GetProperty("status").GetString())));
    }

    [Theory]
    [InlineData("OTHER", "ACCOUNT-SERVICE", 400)]
    [InlineData("ACCOUNT%252DSERVICE", "ACCOUNT-SERVICE", 400)]
    [InlineData("account-\u017fervice", "ACCOUNT-SERVICE", 400)]
    [InlineData("ACCOUNT-SERVICE%00", "ACCOUNT-SERVICE", 400)]
    [InlineData("ACCOUNT%2FSERVICE", "ACCOUNT/SERVICE", 400)]
    public async Task A_detour_to_a_name_of_the_mesh_leads_nowhere(string path, string app, int status)
    {
        foreach (var stranger in new[] { null, "orders" })
        {
            var answer = await _registry.RegisterAsync(path, RegistryHost.Instance(app, "evil", ("vipAddress", "orders")), stranger);
            Assert.Equal(status, answer.Status);
        }
        Assert.Empty((await _registry.GetAsync("eureka/apps")).Ids);
    }

    [Theory]
    [InlineData("vipAddress", "account-service")]
    [InlineData("vipAddress", "ACCOUNT-SERVICE")]
    [InlineData("vipAddress", "orders,account-service")]
    [InlineData("vipAddress", "orders, Account-Service ,x")]
    [InlineData("vipAddress", " account-service ")]
    [InlineData("vipAddress", "account-service:8082")]
    [InlineData("secureVipAddress", "account-service")]
    [InlineData("secureVipAddress", "orders,AUTH-SERVICE")]
    public async Task A_stranger_cannot_take_a_name_of_the_mesh_as_vip(string member, string vip)
    {
        foreach (var stranger in new[] { null, "orders", "gateway" })
        {
            var app = stranger ?? "orders";
            var body = RegistryHost.Instance(app, "evil", (member, vip));
            Assert.Equal(403, (await _registry.RegisterAsync(app, body, stranger)).Status);
            Assert.Equal(403, (await _registry.RegisterAsync(app, RegistryHost.AsXml(body), stranger, "application/xml")).Status);
        }
        Assert.Empty((await _registry.GetAsync("eureka/vips/account-service")).Ids);
    }

    [Fact]
    public async Task A_vip_cannot_be_taken_by_registering_again_either()
    {
        Assert.Equal(204, (await _registry.RegisterAsync("X", RegistryHost.Instance("X", "x"))).Status);
        Assert.Equal(403, (await _registry.RegisterAsync("X", RegistryHost.Instance("X", "x", ("vipAddress", "account-service")))).Status);
        Assert.Equal("x", (await _registry.GetAsync("eureka/apps/X/x")).Json.GetProperty("instance").GetProperty("vipAddress").GetString());
    }

    [Fact]
    public async Task A_service_of_the_mesh_registers_renews_changes_and_removes_itself()
    {
        var body = RegistryHost.Instance("ACCOUNT-SERVICE", "a");
        Assert.Equal(204, (await _registry.RegisterAsync("account-service", body, "account-service")).Status);
        Assert.Equal(204, (await _registry.RegisterAsync("account-service", RegistryHost.AsXml(body), "account-service", "application/xml")).Status);
        Assert.Equal(["a"], (await _registry.GetAsync("eureka/vips/account-service")).Ids);

        foreach (var stranger in new[] { null, "orders", "gateway", "Account-Service" })
        {
            foreach (var (method, path) in new[]
                     {
                         ("PUT", "a"), ("DELETE", "a"), ("PUT", "a/status?value=OUT_OF_SERVICE"), ("DELETE", "a/status"), ("PUT", "a/metadata?x=y"), ("PUT", "unknown"),
                     })
            {
                var refused = await _registry.SendAsync(new HttpMethod(method), "eureka/apps/Account-Service/" + path, stranger);
                Assert.Equal((403, ""), (refused.Status, refused.Body));
            }
        }

        Assert.Equal(200, (await _registry.PutAsync("eureka/apps/ACCOUNT-SERVICE/a", "account-service")).Status);
        Assert.Equal(200, (await _registry.PutAsync("eureka/apps/ACCOUNT-SERVICE/a/status?value=DOWN", "account-service")).Status);
        Assert.Equal(200, (await _registry.DeleteAsync("eureka/apps/ACCOUNT-SERVICE/a", "account-service")).Status);
    }

    [Fact]
    public async Task More_names_can_be_reserved_and_neither_that_nor_a_prefix_opens_one()
    {
        await using var registry = new RegistryHost(true, null,
            ("registry:reserved:0", "Billing"), ("registry:reserved:1", "billing-core"), ("registry:allow:orders:0", "billing*"), ("registry:allow:orders:1", "stock"), ("registry:allow:orders:2", "*nothing"), ("registry:allow:orders:3", "con*"));

        Assert.Equal(403, (await registry.RegisterAsync("BILLING", RegistryHost.Instance("BILLING", "b"))).Status);
        Assert.Equal(403, (await registry.RegisterAsync("BILLING", RegistryHost.Instance("BILLING", "b"), "orders")).Status);
        Assert.Equal(403, (await registry.RegisterAsync("BILLING-CORE", RegistryHost.Instance("BILLING-CORE", "b"), "orders")).Status);
        Assert.Equal(204, (await registry.RegisterAsync("BILLING-MAIL", RegistryHost.Instance("BILLING-MAIL", "b"), "orders")).Status);
        Assert.Equal(204, (await registry.RegisterAsync("STOCK", RegistryHost.Instance("STOCK", "b"), "orders")).Status);
        Assert.Equal(403, (await registry.RegisterAsync("CONFIG", RegistryHost.Instance("CONFIG", "c"), "orders")).Status);
        Assert.Equal(403, (await registry.RegisterAsync("STOCKS", RegistryHost.Instance("STOCKS", "b"), "orders")).Status);
    }
}
