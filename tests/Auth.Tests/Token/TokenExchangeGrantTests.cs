using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Token;

/// <summary>RFC 8693: a service that was called with a token gets one for its own calls, denied unless a rule allows it.</summary>
public sealed class TokenExchangeGrantTests
{
    private const string Caller = "middle:middle-secret";
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task E_02_E_03_E_04_a_service_exchanges_a_token_that_was_meant_for_it(SqlEngine engine)
    {
        await using var auth = await StartAsync(engine);
        var subject = await SubjectAsync(auth);
        auth.Clock.Advance(TimeSpan.FromSeconds(100));

        var reply = await ExchangeAsync(auth, subject.AccessToken, ("audience", "mesh://backend"));

        Assert.Equal(200, reply.Status);
        Assert.Equal("Bearer", reply.Text("token_type"));
        Assert.Equal(Given.AccessTokenType, reply.Text("issued_token_type"));
        Assert.Equal(500, reply.Json.GetProperty("expires_in").GetInt32());
        Assert.Equal("ui openid", reply.Text("scope"));
        Assert.False(reply.Json.TryGetProperty("refresh_token", out _));
        Assert.False(reply.Json.TryGetProperty("id_token", out _));
        Assert.Equal(["mesh://backend"], reply.Claims.Texts("aud"));
        Assert.Equal("middle", reply.Claims.GetProperty("client_id").GetString());
        Assert.Equal(subject.Claims.GetProperty("sub").GetString(), reply.Claims.GetProperty("sub").GetString());
        Assert.Equal("middle", reply.Claims.GetProperty("act").GetProperty("sub").GetString());
        Assert.Equal(subject.Claims.GetProperty("exp").GetInt64(), reply.Claims.GetProperty("exp").GetInt64());
        Assert.Equal(subject.Claims.GetProperty("auth_time").GetInt64(), reply.Claims.GetProperty("auth_time").GetInt64());
        Assert.Equal(subject.Claims.GetProperty("grant_id").GetString(), reply.Claims.GetProperty("grant_id").GetString());
    }

    [Fact]
    public async Task E_03_without_a_target_the_token_is_for_the_caller()
    {
        await using var auth = await StartAsync();

        var reply = await ExchangeAsync(auth, (await SubjectAsync(auth)).AccessToken);

        Assert.Equal(["middle", "mesh://middle"], reply.Claims.Texts("aud"));
    }

    [Theory]
    [InlineData("backend", new[] { "mesh://backend" })]
    [InlineData("mesh://backend", new[] { "mesh://backend" })]
    [InlineData("account-service", new[] { "account-service", "mesh://account-service" })]
    [InlineData("mesh://account-service", new[] { "mesh://account-service" })]
    public async Task E_01_a_target_is_named_as_a_service_or_as_a_client(string audience, string[] expected)
    {
        await using var auth = await StartAsync();

        var reply = await ExchangeAsync(auth, (await SubjectAsync(auth)).AccessToken, ("audience", audience));

        Assert.Equal(expected, reply.Claims.Texts("aud"));
    }

    [Fact]
    public async Task E_01_targets_may_repeat_and_a_resource_is_one()
    {
        await using var auth = await StartAsync();

        var reply = await ExchangeAsync(auth, (await SubjectAsync(auth)).AccessToken,
            ("audience", "backend"), ("audience", "middle"), ("resource", "mesh://account-service"));

        Assert.Equal(["mesh://backend", "middle", "mesh://middle", "mesh://account-service"], reply.Claims.Texts("aud"));
    }

    [Theory]
    [InlineData("audience", "mesh://gateway")]
    [InlineData("audience", "app")]
    [InlineData("audience", "no-such-service")]
    [InlineData("audience", "https://example.org/")]
    [InlineData("audience", "mesh://backend/path")]
    [InlineData("resource", "mesh://discovery")]
    public async Task V_042_E_06_any_other_target_is_denied_by_default(string parameter, string target)
    {
        await using var auth = await StartAsync();

        Refused(await ExchangeAsync(auth, (await SubjectAsync(auth)).AccessToken, ("audience", "backend"), (parameter, target)), "invalid_target");
    }

    [Fact]
    public async Task V_042_E_03_a_token_that_was_meant_for_others_is_not_exchanged()
    {
        await using var auth = await StartAsync();
        var other = await auth.SignInAsync();

        var reply = await ExchangeAsync(auth, other.AccessToken, ("audience", "backend"));

        Refused(reply, "invalid_request");
        Assert.Equal("The subject_token is not acceptable", reply.Text("error_description"));
    }

    [Fact]
    public async Task E_03_the_audience_of_the_gateway_stands_for_the_services_behind_it()
    {
        await using var auth = await StartAsync();
        await Given.ClientAsync(auth, "service", Given.Exchange, "ui openid", "server");

        var reply = await ExchangeAsync(auth, (await auth.SignInAsync()).AccessToken, "service:service-secret");

        Assert.Equal(200, reply.Status);
        Assert.Equal(["service", "mesh://service"], reply.Claims.Texts("aud"));
    }

    [Fact]
    public async Task E_03_E_04_an_authority_lets_a_client_take_the_place_of_another()
    {
        await using var auth = await StartAsync();
        await Given.ClientAsync(auth, "support", Given.Exchange, "ui", "token_exchange.impersonate.browser");
        var subject = (await auth.SignInAsync()).AccessToken;

        var reply = await ExchangeAsync(auth, subject, "support:support-secret", ("audience", "browser"));
        var elsewhere = await ExchangeAsync(auth, subject, "support:support-secret", ("audience", "backend"));

        Assert.Equal(200, reply.Status);
        Assert.Equal("ui", reply.Text("scope"));
        Assert.Equal(["browser", "mesh://browser"], reply.Claims.Texts("aud"));
        Assert.False(reply.Claims.TryGetProperty("act", out _));
        Assert.Contains(auth.Logs, line => line.Contains("token.impersonated", StringComparison.Ordinal));
        Refused(elsewhere, "invalid_target");
    }

    [Fact]
    public async Task E_04_the_scope_is_one_of_the_subjects_the_callers_and_the_users()
    {
        await using var auth = await StartAsync();
        var subject = await SubjectAsync(auth, "ui");

        Assert.Equal("ui", (await ExchangeAsync(auth, subject.AccessToken)).Text("scope"));
        Refused(await ExchangeAsync(auth, subject.AccessToken, ("scope", "openid")), "invalid_scope");
        Refused(await ExchangeAsync(auth, subject.AccessToken, ("scope", "ui uaa.admin")), "invalid_scope");
        await auth.ExecuteAsync("UPDATE clients SET scopes = 'openid' WHERE client_id = 'middle'");
        Refused(await ExchangeAsync(auth, subject.AccessToken), "invalid_scope");
        Refused(await ExchangeAsync(auth, subject.AccessToken, ("scope", "ui")), "invalid_scope");
    }

    [Fact]
    public async Task E_04_at_most_three_act_for_one_another_and_each_is_named()
    {
        await using var auth = await StartAsync();
        string[] chain = ["s1", "s2", "s3", "s4"];
        foreach (var (name, next) in chain.Zip([.. chain.Skip(1), "end"]))
            await Given.ClientAsync(auth, name, Given.Exchange, "ui", "", new ClientMetadata { TokenExchangeAudiences = [next] });
        var token = (await SubjectAsync(auth, "ui", "mesh://s1")).AccessToken;
        Reply reply = null!;
        foreach (var (name, next) in chain.Zip(chain.Skip(1)).Take(3))
            token = (reply = await ExchangeAsync(auth, token, $"{name}:{name}-secret", ("audience", next))).AccessToken;

        Assert.Equal("""{"sub":"s3","act":{"sub":"s2","act":{"sub":"s1"}}}""", reply.Claims.GetProperty("act").GetRawText());
        Refused(await ExchangeAsync(auth, token, "s4:s4-secret", ("audience", "end")), "invalid_request");
    }

    [Fact]
    public async Task E_01_E_04_an_actor_token_names_who_acts_and_must_be_the_callers_own()
    {
        await using var auth = await StartAsync();
        await auth.ExecuteAsync($"UPDATE clients SET grant_types = '{Given.Exchange} password client_credentials' WHERE client_id = 'middle'");
        var subject = await SubjectAsync(auth);
        var actor = await auth.SignInAsync("admin", "admin", "ui", Caller);
        var foreign = await auth.SignInAsync("admin", "admin");

        var reply = await ExchangeAsync(auth, subject.AccessToken, ("actor_token", actor.AccessToken), ("actor_token_type", Given.AccessTokenType));

        var act = reply.Claims.GetProperty("act");
        Assert.Equal((await Given.UserAsync(auth, "admin")).Id, act.GetProperty("sub").GetString());
        Assert.Equal("middle", act.GetProperty("client_id").GetString());
        Refused(await ExchangeAsync(auth, subject.AccessToken, ("actor_token", foreign.AccessToken), ("actor_token_type", Given.AccessTokenType)), "invalid_request");
        Refused(await ExchangeAsync(auth, subject.AccessToken, ("actor_token", "x"), ("actor_token_type", Given.AccessTokenType)), "invalid_request");
        Refused(await ExchangeAsync(auth, subject.AccessToken, ("actor_token", actor.AccessToken)), "invalid_request");
        Refused(await ExchangeAsync(auth, subject.AccessToken, ("actor_token_type", Given.AccessTokenType)), "invalid_request");
    }

    [Theory]
    [InlineData("""{"sub":"middle"}""", true)]
    [InlineData("""{"sub":"middle","iss":"http://localhost:8080/uaa/oauth/token"}""", true)]
    [InlineData("""{"sub":"another"}""", false)]
    [InlineData("""{"sub":"middle","iss":"https://elsewhere.example"}""", false)]
    [InlineData("""{"sub":"middle","group":"x"}""", false)]
    [InlineData("""{"sub":1}""", false)]
    public async Task E_04_may_act_is_honoured(string mayAct, bool allowed)
    {
        await using var auth = await StartAsync();
        var claims = JsonNode.Parse((await SubjectAsync(auth)).Claims.GetRawText())!.AsObject();
        claims["may_act"] = JsonNode.Parse(mayAct);

        var reply = await ExchangeAsync(auth, Given.Signed(auth, "at+jwt", claims.ToJsonString()));

        if (allowed) Assert.Equal("""{"sub":"middle"}""", reply.Claims.GetProperty("act").GetRawText());
        else Refused(reply, "invalid_request");
    }

    [Fact]
    public async Task V_053_E_05_a_bound_token_is_never_exchanged_for_a_bearer_token()
    {
        await using var auth = await StartAsync();
        var claims = JsonNode.Parse((await SubjectAsync(auth)).Claims.GetRawText())!.AsObject();
        claims["cnf"] = new JsonObject { ["jkt"] = new string('A', 43) };
        var bound = Given.Signed(auth, "at+jwt", claims.ToJsonString());

        var reply = await ExchangeAsync(auth, bound);

        Refused(reply, "invalid_request");
        Assert.Equal("The token is bound to a key, of which there is no proof", reply.Text("error_description"));
        var own = await ExchangeAsync(auth, bound, "front:front-secret");
        Refused(own, "invalid_request");
    }

    [Fact]
    public async Task E_03_a_client_narrows_its_own_token_and_nobody_acts()
    {
        await using var auth = await StartAsync();
        await auth.ExecuteAsync($"UPDATE clients SET grant_types = 'client_credentials {Given.Exchange}' WHERE client_id = 'account-service'");
        var token = (await auth.TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"))).AccessToken;

        var reply = await ExchangeAsync(auth, token, "account-service:account-secret", ("scope", "server"));

        Assert.Equal(200, reply.Status);
        Assert.Equal("server", reply.Text("scope"));
        Assert.Equal("account-service", reply.Claims.GetProperty("sub").GetString());
        Assert.Equal(["account-service", "mesh://account-service"], reply.Claims.Texts("aud"));
        Assert.False(reply.Claims.TryGetProperty("act", out _));
        Refused(await ExchangeAsync(auth, token, "account-service:account-secret", ("scope", "uaa.admin")), "invalid_scope");
    }

    [Fact]
    public async Task E_03_a_client_without_a_secret_exchanges_its_own_tokens_alone()
    {
        await using var auth = await StartAsync();
        await auth.ExecuteAsync($"UPDATE clients SET grant_types = 'password {Given.Exchange}' WHERE client_id = 'browser'");
        var foreign = await SubjectAsync(auth, "ui", "mesh://browser");
        var own = await auth.SignInAsync(scope: "ui");

        Refused(await ExchangeAsync(auth, foreign.AccessToken, "browser:"), "unauthorized_client");
        Assert.Equal(200, (await ExchangeAsync(auth, own.AccessToken, "browser:")).Status);
    }

    [Fact]
    public async Task E_03_an_id_token_says_who_and_allows_no_more_than_openid()
    {
        await using var auth = await StartAsync();
        var user = await Given.UserAsync(auth);
        var now = auth.Clock.GetUtcNow().ToUnixTimeSeconds();
        string Claims(string azp, string use = "id", string? sid = null) =>
            $$"""{"iss":"http://localhost:8080/uaa/oauth/token","sub":"{{user.Id}}","aud":["{{azp}}"],"azp":"{{azp}}","iat":{{now}},"exp":{{now + 300}},"auth_time":{{now}},"jti":"a","token_use":"{{use}}"{{(sid is null ? "" : $",\"sid\":\"{sid}\"")}}}""";
        Task<Reply> ShowAsync(string claims, params (string, string)[] more) => auth.TokenAsync(Caller,
            [("grant_type", Given.Exchange), ("subject_token", Given.Signed(auth, "JWT", claims)), ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"), .. more]);

        var reply = await ShowAsync(Claims("middle"));
        Assert.Equal("openid", reply.Text("scope"));
        Assert.Equal(user.Id, reply.Claims.GetProperty("sub").GetString());
        Refused(await ShowAsync(Claims("middle"), ("scope", "ui")), "invalid_scope");
        Refused(await ShowAsync(Claims("front")), "invalid_request");
        Refused(await ShowAsync(Claims("middle", "access")), "invalid_request");

        var session = await Given.SessionAsync(auth);
        Assert.Equal(session.Id, (await ShowAsync(Claims("middle", sid: session.Id))).Claims.GetProperty("sid").GetString());
        await auth.Services.GetRequiredService<ISessions>().EndAsync(session.Id, "logout", Cancel);
        Refused(await ShowAsync(Claims("middle", sid: session.Id)), "invalid_request");
        Refused(await auth.TokenAsync(Caller, ("grant_type", Given.Exchange), ("subject_token", (await SubjectAsync(auth)).AccessToken),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")), "invalid_request");
        Refused(await ExchangeAsync(auth, Given.Signed(auth, "JWT", Claims("middle"))), "invalid_request");
    }

    [Theory]
    [InlineData("UPDATE users SET active = @no WHERE user_name = 'demo'")]
    [InlineData("DELETE FROM users WHERE user_name = 'demo'")]
    [InlineData("UPDATE users SET salt = 'another' WHERE user_name = 'demo'")]
    [InlineData("UPDATE clients SET enabled = @no WHERE client_id = 'front'")]
    [InlineData("UPDATE clients SET token_salt = 'another' WHERE client_id = 'front'")]
    public async Task V_035_E_03_the_subject_must_be_good_at_this_moment(string change)
    {
        await using var auth = await StartAsync();
        var subject = await SubjectAsync(auth);
        await auth.ExecuteAsync(change);

        Refused(await ExchangeAsync(auth, subject.AccessToken), "invalid_request");
    }

    [Fact]
    public async Task V_034_the_rules_of_the_ordinary_sign_in_hold()
    {
        await using var auth = await StartAsync();
        var subject = await SubjectAsync(auth);
        await auth.ExecuteAsync("""UPDATE clients SET metadata = '{"allowedproviders":["ldap"]}' WHERE client_id = 'middle'""");

        Refused(await ExchangeAsync(auth, subject.AccessToken), "unauthorized_client");
    }

    [Fact]
    public async Task E_04_what_ends_the_subjects_authorization_ends_the_exchanged_token_too()
    {
        await using var auth = await StartAsync();
        var subject = await SubjectAsync(auth);
        var exchanged = (await ExchangeAsync(auth, subject.AccessToken, "front:front-secret", ("audience", "front"))).AccessToken;
        var families = auth.Services.GetRequiredService<IRefreshTokens>();
        Assert.Equal(200, (await auth.PostAsync("uaa/introspect", "front:front-secret", ("token", exchanged))).Status);
        Assert.True((await auth.PostAsync("uaa/introspect", "front:front-secret", ("token", exchanged))).Json.GetProperty("active").GetBoolean());

        await families.RevokeAsync(subject.Claims.GetProperty("grant_id").GetString()!, "test", auth.Clock.GetUtcNow(), Cancel);

        Assert.False((await auth.PostAsync("uaa/introspect", "front:front-secret", ("token", exchanged))).Json.GetProperty("active").GetBoolean());
        Refused(await ExchangeAsync(auth, subject.AccessToken), "invalid_request");
    }

    [Theory]
    [InlineData("jwt", "revoke")]
    [InlineData("opaque", "revoke")]
    [InlineData("opaque", "id")]
    public async Task E_04_what_came_of_a_token_without_an_authorization_ends_with_it(string format, string way)
    {
        await using var auth = await StartAsync();
        await Given.ClientAsync(auth, "bare", "password", "ui openid");
        var subject = await auth.TokenAsync("bare:bare-secret", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("token_format", format), ("resource", "mesh://front"), ("resource", "mesh://auth-service"));
        var exchanged = await ExchangeAsync(auth, subject.AccessToken, "front:front-secret", ("audience", "front"));
        Assert.Equal(subject.Text("jti"), exchanged.Claims.GetProperty("grant_id").GetString());
        Assert.True(await IsActiveAsync());

        if (way == "revoke") Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", "bare:bare-secret", ("token", subject.AccessToken))).Status);
        else Assert.Equal(200, (await auth.CallAsync("DELETE", "uaa/oauth/token/revoke/" + subject.Text("jti"), subject.AccessToken)).Status);

        Assert.False(await IsActiveAsync());

        async Task<bool> IsActiveAsync() =>
            (await auth.PostAsync("uaa/introspect", "front:front-secret", ("token", exchanged.AccessToken))).Json.GetProperty("active").GetBoolean();
    }

    [Fact]
    public async Task E_03_an_API_token_is_not_exchanged()
    {
        await using var auth = await StartAsync();
        await auth.ExecuteAsync($"UPDATE clients SET grant_types = 'password {Given.Exchange}' WHERE client_id = 'browser'");
        var bearer = (await auth.SignInAsync()).AccessToken;
        var token = (await ApiTokens.ApiTokenTests.CreateAsync(auth, bearer, new { label = "x" })).Text("token");

        Assert.Equal(200, (await ExchangeAsync(auth, bearer, "browser:")).Status);
        Refused(await ExchangeAsync(auth, token, "browser:"), "invalid_request");
    }

    [Fact]
    public async Task E_01_what_is_missing_or_unknown_is_an_invalid_request()
    {
        await using var auth = await StartAsync();
        var token = (await SubjectAsync(auth)).AccessToken;

        Refused(await auth.TokenAsync(Caller, ("grant_type", Given.Exchange)), "invalid_request");
        Refused(await auth.TokenAsync(Caller, ("grant_type", Given.Exchange), ("subject_token", token)), "invalid_request");
        Refused(await auth.TokenAsync(Caller, ("grant_type", Given.Exchange), ("subject_token_type", Given.AccessTokenType)), "invalid_request");
        Refused(await auth.TokenAsync(Caller, ("grant_type", Given.Exchange), ("subject_token", token), ("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")), "invalid_request");
        Refused(await ExchangeAsync(auth, token, ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")), "invalid_request");
        Refused(await ExchangeAsync(auth, "x"), "invalid_request");
        Refused(await ExchangeAsync(auth, token[..^1]), "invalid_request");
        Refused(await ExchangeAsync(auth, token, "app:appclientsecret"), "unauthorized_client");
        auth.Clock.Advance(TimeSpan.FromSeconds(600));
        Refused(await ExchangeAsync(auth, token), "invalid_request");
    }

    private static void Refused(Reply reply, string error)
    {
        Assert.True(reply.Status == 400, $"{reply.Status} {reply.Body}");
        Assert.Equal(error, reply.Text("error"));
    }

    // front signs users in; middle is called with its tokens and may call backend and account-service.
    private static async Task<DemoAuth> StartAsync(SqlEngine engine = SqlEngine.Sqlite)
    {
        var auth = await DemoAuth.StartAsync(engine);
        await Given.ClientAsync(auth, "front", "password refresh_token " + Given.Exchange, "ui openid", "uaa.resource");
        await Given.ClientAsync(auth, "middle", Given.Exchange, "ui openid", "", new ClientMetadata { TokenExchangeAudiences = ["mesh://backend", "account-service"] });
        return auth;
    }

    private static Task<Reply> SubjectAsync(DemoAuth auth, string scope = "ui openid", string resource = "mesh://middle") => auth.TokenAsync("front:front-secret",
        ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("scope", scope), ("resource", resource));

    private static Task<Reply> ExchangeAsync(DemoAuth auth, string subject, params (string, string)[] more) => ExchangeAsync(auth, subject, Caller, more);

    private static Task<Reply> ExchangeAsync(DemoAuth auth, string subject, string caller, params (string, string)[] more) => auth.TokenAsync(caller,
        [("grant_type", Given.Exchange), ("subject_token", subject), ("subject_token_type", Given.AccessTokenType), .. more]);
}
