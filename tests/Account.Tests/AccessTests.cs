using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Account.Tests;

public sealed class AccessTests : IAsyncLifetime
{
    private AccountMesh _mesh = null!;

    public async ValueTask InitializeAsync()
    {
        _mesh = await AccountMesh.StartAsync(settings: ("mesh:demo", "true"));
        (await _mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);
        (await _mesh.RegisterAsync("""{"username":"bob1","password":"secret1"}""")).Expect(200);
    }

    public ValueTask DisposeAsync() => _mesh.DisposeAsync();

    [Fact]
    public async Task The_owner_a_service_and_nobody_else_read_an_account()
    {
        (await _mesh.GetAsync("/accounts/alice1", _mesh.User("alice1"))).Expect(200);
        (await _mesh.GetAsync("/accounts/ALICE1", _mesh.User("alice1"))).Expect(200);
        (await _mesh.GetAsync("/accounts/alice1", _mesh.Server())).Expect(200);
        (await _mesh.GetAsync("/accounts/alice1")).Expect(401);

        var other = await _mesh.GetAsync("/accounts/alice1", _mesh.User("bob1"));
        Assert.Equal((403, "access_denied", "application/problem+json"), (other.Status, other.Error, other.MediaType));
    }

    [Theory]
    [InlineData("ui", "the account is not the caller's own, and its token has no scope server")]
    [InlineData("openid", "the token has neither scope ui, with which owners read their account, nor scope server, with which services read any")]
    public async Task Administrators_are_told_which_rule_refuses_a_reader_and_the_log_says_it_too(string scope, string cause)
    {
        var refused = (await _mesh.GetAsync("/accounts/alice1", _mesh.Issuer.UserToken("bob1", scope))).Expect(403);
        Assert.DoesNotContain(cause, refused.Body, StringComparison.Ordinal);

        Answer? why = null;
        // It is kept once the answer is out.
        await AccountMesh.EventuallyAsync(async () => (why = await _mesh.GetAsync("/actuator/why/" + refused.Message.Headers.GetValues("X-Trace-Id").Single(), _mesh.Issuer.UserToken("admin", "uaa.admin"))).Status == 200);

        var entry = why!.Json.GetProperty("entries")[0];
        Assert.Equal(cause, entry.GetProperty("cause").GetString());
        Assert.Contains("scope server", entry.GetProperty("fix").GetString(), StringComparison.Ordinal);
        Assert.Equal(["credential ok", "token ok", "scopes ok", "endpoint failed"], entry.GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("name").GetString() + " " + step.GetProperty("outcome").GetString()));
        Assert.EndsWith("held: " + scope, entry.GetProperty("steps")[2].GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.True(entry.GetProperty("credential").GetProperty("verified").GetBoolean());
        Assert.Contains(_mesh.Logs, line => line.Contains("Refused with 403: " + cause, StringComparison.Ordinal));
    }

    [Fact]
    public async Task V_090_a_passport_for_this_service_opens_it_as_the_callers_token_did_and_no_other_token_does()
    {
        string Passport(string service, params string[] scopes) => _mesh.Issuer.Passport(service, ("user_name", "alice1"), ("scope", scopes));

        var good = (await _mesh.GetAsync("/accounts/current", Passport("account-service", "ui"))).Expect(200);
        Assert.NotEqual(true, good.Message.Headers.TransferEncodingChunked); // in one piece: who dies in between leaves no half answer
        (await _mesh.GetAsync("/accounts/alice1", Passport("account-service", "ui"))).Expect(200);
        (await _mesh.GetAsync("/accounts/bob1", Passport("account-service", "ui"))).Expect(403);
        (await _mesh.GetAsync("/accounts/current", Passport("account-service", "openid"))).Expect(403);
        (await _mesh.GetAsync("/accounts/current", Passport("greeting-service", "ui"))).Expect(401);
        (await _mesh.GetAsync("/accounts/current", _mesh.Issuer.Token(("user_name", "alice1"), ("scope", new[] { "ui" }), ("aud", new[] { "mesh://gateway" })))).Expect(401);
    }

    [Fact]
    public async Task B_27_V_090_whoever_comes_past_the_gateway_is_nobody_whatever_his_headers_say()
    {
        // The gateway's own word, but in another place than its own.
        var passport = _mesh.Issuer.Passport("account-service", ("user_name", "alice1"), ("scope", new[] { "ui" }));
        (string Name, string Value)[] headers =
        [
            .. ((string[])["X-User", "X-User-Id", "X-User-Name", "X-Remote-User", "Remote-User", "X-Auth-User", "X-Auth-Request-User", "X-Forwarded-User", "X-Authenticated-User", "X-WEBAUTH-USER"]).Select(name => (name, "alice1")),
            ("X-Scopes", "ui server"), ("X-Auth-Scopes", "ui server"), ("X-Forwarded-Groups", "ui,server"), ("X-Tenant", "uaa"), ("X-Identity-Zone-Id", "uaa"),
            ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "gateway"), ("Forwarded", "for=127.0.0.1;by=gateway;proto=https"), ("X-Real-IP", "127.0.0.1"), ("Via", "1.1 gateway"),
            ("X-Forwarded-Uri", "/accounts/demo"), ("X-Original-URL", "/accounts/demo"), ("X-Rewrite-URL", "/accounts/demo"), ("X-HTTP-Method-Override", "POST"), ("X-Envoy-Internal", "true"), ("X-Middleware-Subrequest", "middleware"),
            ("X-Client-Cert", "MIIB"), ("X-Forwarded-Client-Cert", "By=spiffe://mesh/gateway;Subject=\"CN=gateway\""), ("X-SSL-Client-Verify", "SUCCESS"), ("X-SSL-Client-S-DN", "CN=gateway"), ("X-ARR-ClientCert", "MIIB"),
            ("X-Passport", passport), ("X-Forwarded-Access-Token", passport), ("X-Auth-Request-Access-Token", passport), ("Proxy-Authorization", "Bearer " + passport), ("Cookie", "access_token=" + passport),
        ];
        var gateways = _mesh.Issuer.Token(("user_name", "alice1"), ("scope", new[] { "ui", "server" }), ("aud", new[] { "mesh://gateway" }));
        string?[] tokens =
        [
            null, gateways,
            _mesh.Issuer.Passport("gateway", ("user_name", "alice1"), ("scope", new[] { "ui" })),
            TestIssuer.Sign(new SigningKey(), _mesh.Issuer.PassportClaims("account-service", ("user_name", "alice1"), ("scope", new[] { "ui" })), "passport+jwt"),
            TestIssuer.Sign(_mesh.Issuer.Key, _mesh.Issuer.PassportClaims("account-service", ("user_name", "alice1"), ("scope", new[] { "ui" })), "passport+jwt"),
        ];

        foreach (var (method, path) in ((string, string)[])[("GET", "/accounts/current"), ("PUT", "/accounts/current"), ("GET", "/accounts/alice1")])
        {
            foreach (var token in tokens)
            {
                await RefusedAsync(method, path, token, headers); // all at once
                foreach (var header in headers) await RefusedAsync(method, path, token, header);
            }
        }

        // Who may come is still himself.
        Assert.Equal(403, await StatusAsync("GET", "/accounts/alice1", _mesh.Issuer.Passport("account-service", ("user_name", "bob1"), ("scope", new[] { "ui" })), headers));
        Assert.Equal(200, await StatusAsync("GET", "/accounts/alice1", passport, headers));
    }

    private async Task RefusedAsync(string method, string path, string? token, params (string Name, string Value)[] headers) =>
        Assert.True(await StatusAsync(method, path, token, headers) == 401, $"{method} {path} with {string.Join(", ", headers.Select(header => header.Name))}");

    private async Task<int> StatusAsync(string method, string path, string? token, (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (token is not null) request.Headers.Authorization = new("Bearer", token);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var answer = await _mesh.Service.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return (int)answer.StatusCode;
    }

    [Fact]
    public async Task A_stranger_cannot_tell_which_accounts_exist()
    {
        var existing = await _mesh.GetAsync("/accounts/alice1", _mesh.User("bob1"));
        var missing = await _mesh.GetAsync("/accounts/nobody1", _mesh.User("bob1"));

        Assert.Equal(existing.Expect(403).Json.GetProperty("detail").GetString(), missing.Expect(403).Json.GetProperty("detail").GetString());
    }

    [Theory]
    [InlineData("nobody1")]
    [InlineData("x")]
    [InlineData("%ff%fe")]
    [InlineData("a%20b%2fc")]
    public async Task A_service_that_asks_for_an_account_that_is_not_there_gets_404(string name)
    {
        var answer = await _mesh.GetAsync("/accounts/" + name, _mesh.Server());

        Assert.Equal((404, "not_found", "application/problem+json"), (answer.Status, answer.Error, answer.MediaType));
    }

    [Fact]
    public async Task The_demo_account_is_open_at_its_exact_path_alone()
    {
        var open = (await _mesh.GetAsync("/accounts/demo")).Expect(200).Json;
        Assert.Equal(9, open.GetProperty("incomes").GetArrayLength() + open.GetProperty("expenses").GetArrayLength());

        (await _mesh.GetAsync("/accounts/demo/")).Expect(401);
        (await _mesh.GetAsync("/accounts/Demo")).Expect(401);
        (await _mesh.GetAsync("/accounts/demo/", _mesh.User("alice1"))).Expect(200);
        (await _mesh.GetAsync("/accounts/Demo", _mesh.User("alice1"))).Expect(403);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("PUT")]
    public async Task The_own_account_needs_a_token_with_scope_ui(string method)
    {
        var none = await _mesh.SendAsync(new HttpMethod(method), "/accounts/current", null, null);
        var tooLittle = await _mesh.SendAsync(new HttpMethod(method), "/accounts/current", null, _mesh.Issuer.UserToken("alice1", "openid"));
        var service = await _mesh.SendAsync(new HttpMethod(method), "/accounts/current", null, _mesh.Server());

        Assert.Equal((401, "unauthorized"), (none.Status, none.Error));
        Assert.NotEmpty(none.Message.Headers.WwwAuthenticate);
        Assert.Equal(403, tooLittle.Status);
        Assert.Equal(403, service.Status);
    }

    [Fact]
    public async Task An_owners_token_that_was_given_out_for_less_does_not_read_the_account_by_name_either()
    {
        (await _mesh.GetAsync("/accounts/alice1", _mesh.Issuer.UserToken("alice1", "openid"))).Expect(403);
    }

    [Fact]
    public async Task A_client_of_the_owners_name_is_not_the_owner()
    {
        (await _mesh.GetAsync("/accounts/alice1", _mesh.Issuer.ClientToken("alice1", "ui"))).Expect(403);
    }

    [Fact]
    public async Task A_forged_token_is_401()
    {
        var forged = TestIssuer.Sign(new SigningKey(), _mesh.Issuer.Claims(("user_name", "alice1"), ("scope", new[] { "ui", "server" })));

        (await _mesh.GetAsync("/accounts/current", forged)).Expect(401);
        (await _mesh.GetAsync("/accounts/alice1", forged)).Expect(401);
    }

    [Theory]
    [InlineData("DELETE", "/accounts/alice1", 405)]
    [InlineData("PUT", "/accounts/alice1", 405)]
    [InlineData("GET", "/accounts/", 405)]
    [InlineData("POST", "/accounts/current", 405)]
    [InlineData("GET", "/accounts/alice1/more", 404)]
    public async Task What_is_not_offered_is_refused(string method, string path, int status)
    {
        Assert.Equal(status, (await _mesh.SendAsync(new HttpMethod(method), path, null, _mesh.Server())).Status);
    }
}
