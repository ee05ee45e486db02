using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary>Who may read.</summary>
public sealed class AccessTests
{
    private static ConfigServer Closed() => new ConfigServer().With("mesh:demo", "false")
        .With("mesh:credentials", "account-service:" + ConfigServer.HashOf("right")).File("foo.yml", "a: 1\n").File("x.txt", "text");

    [Theory]
    [InlineData("/foo/default")]
    [InlineData("/foo/default/main")]
    [InlineData("/foo-default.yml")]
    [InlineData("/main/foo-default.json")]
    [InlineData("/foo/default/main/x.txt")]
    [InlineData("/foo/default/x.txt?useDefaultLabel")]
    [InlineData("/nothing/of/this/kind/exists")]
    [InlineData("/")]
    [InlineData("/foo")]
    [InlineData("/foo/..%2f..%2fetc/passwd")]
    [InlineData("/actuator/env")]
    public async Task Every_address_needs_a_credential(string path)
    {
        await using var server = Closed();

        var none = await server.GetAsync(path);
        var wrong = await server.GetAsync(path, ("Authorization", ConfigServer.Basic("account-service", "wrong")));
        var unknown = await server.GetAsync(path, ("Authorization", ConfigServer.Basic("nobody", "right")));

        foreach (var answer in new[] { none, wrong, unknown })
        {
            Assert.Equal(401, answer.Status);
            Assert.StartsWith("Basic realm=", answer.Headers["WWW-Authenticate"], StringComparison.Ordinal);
            Assert.Equal("Unauthorized", answer.Json["error"]!.GetValue<string>());
            Assert.Equal(401, answer.Json["status"]!.GetValue<int>());
            Assert.NotNull(answer.Json["timestamp"]);
            Assert.NotNull(answer.Json["path"]);
        }
        Assert.NotEqual(401, (await server.GetAsync(path, ("Authorization", ConfigServer.Basic("account-service", "right")))).Status);
    }

    [Fact]
    public async Task Health_is_open()
    {
        await using var server = Closed();

        var answer = await server.GetAsync("/actuator/health");

        Assert.Equal(200, answer.Status);
        Assert.Equal("UP", answer.Json["components"]!["configServer"]!["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_token_for_this_server_with_scope_server_reads_and_no_other()
    {
        await using var issuer = await TestIssuer.StartAsync();
        await using var server = Closed().With(issuer.Settings);
        async Task<int> WithAsync(string token) => (await server.GetAsync("/foo/default", ("Authorization", "Bearer " + token))).Status;
        string Token(string audience, string scope) => issuer.Token(("aud", new[] { audience }), ("scope", new[] { scope }));

        Assert.Equal(200, await WithAsync(Token("mesh://config", "server")));
        Assert.Equal(401, await WithAsync(Token("mesh://gateway", "server")));
        Assert.Equal(401, await WithAsync(Token("mesh://account-service", "server")));
        Assert.Contains(await WithAsync(Token("mesh://config", "ui")), new[] { 401, 403 });
        Assert.Equal(401, await WithAsync(TestIssuer.Sign(new SigningKey(), issuer.Claims(("aud", new[] { "mesh://config" }), ("scope", new[] { "server" })))));
        Assert.Equal(401, await WithAsync(issuer.Token(("aud", new[] { "mesh://config" }), ("scope", new[] { "server" }), ("exp", 1000))));
    }

    [Fact]
    public async Task The_demo_is_open_to_this_machine_says_so_and_still_refuses_a_wrong_secret()
    {
        await using var demo = new ConfigServer().File("foo.yml", "a: 1\n");

        Assert.Equal(200, (await demo.GetAsync("/foo/default")).Status);
        Assert.Equal(401, (await demo.GetAsync("/foo/default", ("Authorization", ConfigServer.Basic("account-service", "wrong")))).Status);
        Assert.Contains(demo.Service.Logs, line => line.StartsWith("Warning", StringComparison.Ordinal) && line.Contains("everybody on this machine may read", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_demo_is_not_open_to_a_page_whose_name_was_rebound_nor_to_forwarded_callers()
    {
        await using var demo = new ConfigServer().File("foo.yml", "a: 1\n");

        var rebound = await RawHttp.SendAsync(demo.Url, "GET /foo/default HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        var forwarded = await demo.GetAsync("/foo/default", ("X-Forwarded-For", "203.0.113.7"));

        Assert.Equal(401, rebound.Status);
        Assert.Equal(401, forwarded.Status);
    }

    [Fact]
    public async Task Secrets_and_values_are_not_logged()
    {
        await using var server = Closed().File("bar.yml", "password: hidden-value\n");
        await server.GetAsync("/bar/default", ("Authorization", ConfigServer.Basic("account-service", "right")));
        await server.GetAsync("/bar/default", ("Authorization", ConfigServer.Basic("account-service", "wrong-secret")));

        foreach (var secret in new[] { "hidden-value", "wrong-secret", "right\"" })
            Assert.DoesNotContain(server.Service.Logs, line => line.Contains(secret, StringComparison.Ordinal));
    }
}
