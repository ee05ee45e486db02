using System.Text.Json;
using System.Text.Json.Nodes;
using SecureMesh.Auth.Tests.Revocation;
using SecureMesh.Auth.Tests.Token;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Passports;

/// <summary>The endpoints by which gateways announce their keys.</summary>
public sealed class PassportKeysTests : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _started = [];
    private readonly GatewayKey _key = new();

    private async Task<DemoAuth> StartAsync(params (string, string)[] settings)
    {
        var auth = await DemoAuth.StartAsync(settings: settings);
        _started.Add(auth);
        return auth;
    }

    public async ValueTask DisposeAsync()
    {
        _key.Dispose();
        foreach (var one in _started) await one.DisposeAsync();
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_key_announced_at_one_instance_is_published_by_the_other_at_once_and_withdrawn_there(SqlEngine engine)
    {
        await using var one = await DemoAuth.StartAsync(engine);
        await using var two = await one.AnotherAsync();
        var token = await GatewayKey.AnnouncerAsync(one);
        var none = await two.GetAsync("uaa/passport_keys");
        Assert.Equal("""{"keys":[]}""", none.Body);

        var announced = await _key.AnnounceAsync(one, token);

        Assert.Equal((200, $$"""{"kid":"{{_key.Kid}}","expires_in":600}"""), (announced.Status, announced.Body));
        Assert.Equal("no-store", announced.Headers.CacheControl!.ToString());
        var published = await two.GetAsync("uaa/passport_keys");
        var jwk = _key.Jwk;
        Assert.Equal(
            $$"""{"keys":[{"kty":"EC","crv":"P-256","x":"{{jwk["x"]}}","y":"{{jwk["y"]}}","kid":"{{_key.Kid}}","alg":"ES256","use":"sig"}]}""",
            published.Body);
        Assert.Equal((200, "public, max-age=60", "application/json"), (published.Status, published.Headers.CacheControl!.ToString(), published.Content.ContentType!.ToString()));

        var withdrawn = await two.CallAsync("DELETE", "uaa/passport_keys/" + _key.Kid, token);

        Assert.Equal((204, ""), (withdrawn.Status, withdrawn.Body));
        Assert.Empty(await GatewayKey.PublishedAsync(one));
    }

    [Fact]
    public async Task A_lease_ends_when_it_is_not_renewed_after_the_time_that_the_setting_says()
    {
        var auth = await StartAsync(("auth:passports:lease", "00:02:00"));
        var token = await GatewayKey.AnnouncerAsync(auth);

        Assert.Equal(120, (await _key.AnnounceAsync(auth, token)).Json.GetProperty("expires_in").GetInt32());
        auth.Clock.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal(200, (await _key.AnnounceAsync(auth, token)).Status);
        auth.Clock.Advance(TimeSpan.FromSeconds(119));
        Assert.Equal([_key.Kid], await GatewayKey.PublishedAsync(auth));
        auth.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(await GatewayKey.PublishedAsync(auth));
    }

    [Theory]
    [InlineData("auth:passports:lease", "00:00:59")]
    [InlineData("auth:passports:lease", "1.00:00:01")]
    [InlineData("auth:passports:keysPerClient", "0")]
    [InlineData("auth:passports:keysPerClient", "1001")]
    public async Task Settings_out_of_range_stop_the_start_and_are_named(string setting, string value)
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);

        Assert.Contains(setting, await AuthProcess.RefusalAsync(database.Settings((setting, value))));
    }

    [Fact]
    public async Task Announcing_needs_a_token_and_the_scope()
    {
        var auth = await StartAsync();

        var without = await _key.AnnounceAsync(auth, null);
        var bad = await _key.AnnounceAsync(auth, "x.y.z");
        var scope = await _key.AnnounceAsync(auth, await auth.AdminAsync());

        Assert.Equal((401, "unauthorized", "Bearer realm=\"oauth\""), (without.Status, without.Text("error"), without.Challenge));
        Assert.Equal((401, "invalid_token"), (bad.Status, bad.Text("error")));
        Assert.Equal((403, "insufficient_scope", "passports.announce"), (scope.Status, scope.Text("error"), scope.Text("scope")));
        Assert.Empty(await GatewayKey.PublishedAsync(auth));
    }

    [Fact]
    public async Task A_person_announces_nothing_whatever_scope_he_holds()
    {
        var auth = await StartAsync();
        await Given.ClientAsync(auth, "people", "password", "passports.announce");
        await auth.ExecuteAsync("INSERT INTO user_groups (id, zone_id, display_name, created_at) VALUES ('g', 'uaa', 'passports.announce', 0)");
        await auth.ExecuteAsync("INSERT INTO user_group_members (group_id, zone_id, user_id, created_at) SELECT 'g', zone_id, id, 0 FROM users WHERE user_name = 'demo'");
        var person = await auth.SignInAsync(scope: "passports.announce", client: "people:people-secret");
        Assert.Equal(["passports.announce"], person.Claims.Texts("scope"));

        var announced = await _key.AnnounceAsync(auth, person.AccessToken);
        var withdrawn = await auth.CallAsync("DELETE", "uaa/passport_keys/" + _key.Kid, person.AccessToken);

        Assert.Equal((403, "access_denied", "This needs the token of a client in its own name"), (announced.Status, announced.Text("error"), announced.Text("error_description")));
        Assert.Equal((403, "access_denied"), (withdrawn.Status, withdrawn.Text("error")));
    }

    [Fact]
    public async Task An_api_token_announces_nothing()
    {
        var auth = await StartAsync();
        var made = await auth.CallAsync("POST", "uaa/api-tokens", await GatewayKey.AnnouncerAsync(auth), """{"label":"ci","scopes":["passports.announce"]}""");
        Assert.Equal(201, made.Status);

        var refused = await _key.AnnounceAsync(auth, made.Text("token"));

        Assert.Equal((403, "access_denied"), (refused.Status, refused.Text("error")));
    }

    [Fact]
    public async Task A_client_that_acts_for_another_announces_nothing()
    {
        var auth = await StartAsync();
        var claims = JsonNode.Parse(Jwt.Payload(await GatewayKey.AnnouncerAsync(auth)).GetRawText())!.AsObject();
        Assert.Equal(200, (await _key.AnnounceAsync(auth, Given.Signed(auth, "at+jwt", claims.ToJsonString()))).Status);
        claims["act"] = new JsonObject { ["sub"] = "broker" };

        Assert.Equal(403, (await _key.AnnounceAsync(auth, Given.Signed(auth, "at+jwt", claims.ToJsonString()))).Status);
    }

    [Fact]
    public async Task A_key_of_another_client_is_neither_announced_nor_withdrawn()
    {
        var auth = await StartAsync();
        await _key.AnnounceAsync(auth, await GatewayKey.AnnouncerAsync(auth));
        var other = await GatewayKey.AnnouncerAsync(auth, "other");

        var announced = await _key.AnnounceAsync(auth, other);
        var withdrawn = await auth.CallAsync("DELETE", "uaa/passport_keys/" + _key.Kid, other);
        var unknown = await auth.CallAsync("DELETE", "uaa/passport_keys/unknown", other);

        Assert.Equal((409, "key_taken"), (announced.Status, announced.Text("error")));
        Assert.Equal((404, unknown.Body), (withdrawn.Status, withdrawn.Body)); // as if there were none
        Assert.Equal([_key.Kid], await GatewayKey.PublishedAsync(auth));
    }

    [Fact]
    public async Task A_client_may_have_so_many_live_keys_and_no_more()
    {
        var auth = await StartAsync(("auth:passports:keysPerClient", "2"));
        var token = await GatewayKey.AnnouncerAsync(auth);
        using var two = new GatewayKey();
        using var three = new GatewayKey();
        await _key.AnnounceAsync(auth, token);
        await two.AnnounceAsync(auth, token);

        var refused = await three.AnnounceAsync(auth, token);

        Assert.Equal((429, "too_many_keys", 600.0), (refused.Status, refused.Text("error"), refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds));
        Assert.Equal(200, (await two.AnnounceAsync(auth, token)).Status);
        await auth.CallAsync("DELETE", "uaa/passport_keys/" + two.Kid, token);
        Assert.Equal(200, (await three.AnnounceAsync(auth, token)).Status);
    }

    [Fact]
    public async Task An_administrator_revokes_the_key_for_good_and_the_feed_tells_it()
    {
        var auth = await StartAsync();
        var token = await GatewayKey.AnnouncerAsync(auth);
        await _key.AnnounceAsync(auth, token);
        await using var follower = await Follower.JoinAsync(auth);
        await follower.NextAsync("head");

        var revoked = await auth.CallAsync("DELETE", "uaa/passport_keys/" + _key.Kid, await auth.AdminAsync());

        Assert.Equal(204, revoked.Status);
        var told = await follower.NextAsync("revocation");
        Assert.Equal(("key", _key.Kid), (told.GetProperty("kind").GetString(), told.GetProperty("subject").GetString()));
        Assert.Empty(await GatewayKey.PublishedAsync(auth));
        var again = await _key.AnnounceAsync(auth, token);
        Assert.Equal((409, "key_revoked", "The key was revoked. Make a new one."), (again.Status, again.Text("error"), again.Text("error_description")));
        Assert.Equal(404, (await auth.CallAsync("DELETE", "uaa/passport_keys/" + _key.Kid, await auth.AdminAsync())).Status);
    }

    [Fact]
    public async Task A_key_of_the_issuer_is_no_passport_key_and_cannot_be_revoked_here()
    {
        var auth = await StartAsync();
        var own = (await auth.GetAsync("uaa/token_keys")).Json.GetProperty("keys").EnumerateArray().First(key => key.GetProperty("kty").GetString() == "EC");

        var announced = await auth.CallAsync("POST", "uaa/passport_keys", await GatewayKey.AnnouncerAsync(auth), own.GetRawText());
        var revoked = await auth.CallAsync("DELETE", "uaa/passport_keys/" + own.GetProperty("kid").GetString(), await auth.AdminAsync());

        Assert.Equal((400, "This is a key of the issuer"), (announced.Status, announced.Text("error_description")));
        Assert.Equal(404, revoked.Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", (await auth.SignInAsync()).AccessToken)).Status);
    }

    public static TheoryData<string, object?> Unusable => new()
    {
        { "kty", null }, { "kty", "RSA" }, { "kty", "oct" }, { "kty", "OKP" }, { "kty", 5 },
        { "crv", null }, { "crv", "P-384" }, { "crv", "secp256k1" }, { "crv", "Ed25519" },
        { "x", null }, { "x", "" }, { "x", "AAAA" }, { "x", "not base64!" }, { "x", 5 }, { "x", new string('A', 43) },
        { "y", null }, { "y", new string('A', 43) }, { "y", "\ud800" },
        { "d", "AAAA" }, { "k", "AAAA" }, { "p", "AAAA" },
        { "use", "enc" }, { "alg", "ES384" }, { "alg", "RS256" }, { "alg", "none" }, { "alg", "HS256" },
        { "kid", null }, { "kid", "" }, { "kid", "mine" }, { "kid", 5 },
    };

    [Theory]
    [MemberData(nameof(Unusable))]
    public async Task V_009_what_is_no_public_key_for_ES256_named_by_its_thumbprint_is_refused(string name, object? value)
    {
        var auth = await StartAsync();
        var jwk = _key.Jwk;
        if (value is null) jwk.Remove(name);
        else jwk[name] = value;

        var refused = await auth.CallAsync("POST", "uaa/passport_keys", await GatewayKey.AnnouncerAsync(auth), JsonSerializer.Serialize(jwk));

        Assert.Equal((400, "invalid_request"), (refused.Status, refused.Text("error")));
        Assert.Empty(await GatewayKey.PublishedAsync(auth));
    }

    [Fact]
    public async Task The_private_half_is_refused_and_stands_in_no_log_and_the_standard_members_may_be_left_out()
    {
        var auth = await StartAsync();
        var token = await GatewayKey.AnnouncerAsync(auth);

        var refused = await auth.CallAsync("POST", "uaa/passport_keys", token, JsonSerializer.Serialize(_key.PrivateJwk));
        var bare = _key.Jwk;
        bare.Remove("alg");
        bare.Remove("use");
        var good = await auth.CallAsync("POST", "uaa/passport_keys", token, JsonSerializer.Serialize(bare));

        Assert.Equal(400, refused.Status);
        Assert.DoesNotContain((string)_key.PrivateJwk["d"], refused.Body + string.Join('\n', auth.Logs));
        Assert.Equal(200, good.Status);
    }

    [Theory]
    [InlineData("", 400)]
    [InlineData("[]", 400)]
    [InlineData("null", 400)]
    [InlineData("{\"kty\":\"EC\",\"kty\":\"EC\"}", 400)]
    [InlineData("large", 413)]
    public async Task A_body_that_is_no_small_JSON_object_is_refused(string body, int status)
    {
        var auth = await StartAsync();
        var sent = body == "large" ? JsonSerializer.Serialize(new Dictionary<string, object>(_key.Jwk) { ["padding"] = new string('x', 4096) }) : body;

        Assert.Equal(status, (await auth.CallAsync("POST", "uaa/passport_keys", await GatewayKey.AnnouncerAsync(auth), sent)).Status);
    }

    [Fact]
    public async Task T_22_announcement_withdrawal_and_revocation_are_kept_once_each_and_a_renewal_is_not()
    {
        var auth = await StartAsync();
        var token = await GatewayKey.AnnouncerAsync(auth);
        using var second = new GatewayKey();
        await _key.AnnounceAsync(auth, token);
        await _key.AnnounceAsync(auth, token);
        await auth.CallAsync("DELETE", "uaa/passport_keys/" + _key.Kid, token);
        await second.AnnounceAsync(auth, token);
        await auth.CallAsync("DELETE", "uaa/passport_keys/" + second.Kid, await auth.AdminAsync());

        var rows = await AuditOf(auth, 4);

        Assert.Equal(
            [
                ("passport_key.announced", "edge", _key.Kid, null), ("passport_key.withdrawn", "edge", _key.Kid, null),
                ("passport_key.announced", "edge", second.Kid, null), ("passport_key.revoked", "edge", second.Kid, "by client admin"),
            ],
            rows);
    }

    private static async Task<(string, string, string, string?)[]> AuditOf(DemoAuth auth, int count)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            await using var database = auth.Database.Open("auth");
            await using var connection = await database.OpenAsync(limit.Token);
            var rows = (await Dapper.SqlMapper.QueryAsync<(string, string, string, string?)>(connection,
                "SELECT type, client_id, token_id, reason FROM audit_events WHERE type LIKE 'passport_key.%' ORDER BY sequence")).ToArray();
            if (rows.Length >= count) return rows;
            await Task.Delay(20, limit.Token);
        }
    }
}
