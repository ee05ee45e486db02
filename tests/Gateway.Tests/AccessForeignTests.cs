using System.Net;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Tokens of issuers that are trusted beside the mesh's own.</summary>
public sealed class AccessForeignTests : IAsyncLifetime
{
    private const string Corp = "https://corp.example/";
    private readonly TestClock _clock = new();
    private TestIssuer _corp = null!;

    public async ValueTask InitializeAsync() => _corp = await TestIssuer.StartAsync();

    public async ValueTask DisposeAsync() => await _corp.DisposeAsync();

    private (string, string)[] Issuer(params (string, string)[] more) =>
    [
        ("mesh:demo", "true"), ("gateway:issuers:corp:issuer", Corp), ("gateway:issuers:corp:keys", _corp.Url + "/uaa/token_keys"), ("gateway:issuers:corp:audience", "https://mesh.example"),
        ("gateway:issuers:corp:scopes:0", "ui"), .. more,
    ];

    private async Task<(Door Door, Backend Account)> OpenAsync(params (string, string)[] more)
    {
        var door = await AccessShown.OpenAsync(_clock,
            [Issuer(more), AccessShown.Route("both", ("credentials:0", "jwt"), ("credentials:1", "foreign")), AccessShown.Route("theirs", ("credentials:0", "foreign"))]);
        return (door, await door.AddAsync("account-service"));
    }

    private string Token(params (string Claim, object? Value)[] change) => _corp.Token(
        [("iss", Corp), ("aud", "https://mesh.example"), ("sub", "alice"), ("client_id", "their-app"), ("scope", "ui admin"), ("zid", null), ("token_use", null), ("grant_type", null), .. change]);

    [Fact]
    public async Task A_token_of_a_trusted_issuer_opens_a_route_that_lists_it_under_names_that_are_nobodys_here()
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;

        Assert.Equal("200", await door.GetAsync("/both/x", Token(("user_id", "id-of-alice"), ("user_name", "alice"), ("jti", "the-id"), ("act", new { sub = "x" }), ("uaa.admin", true))).OutcomeAsync());

        var passport = account.Passport();
        Assert.Equal("foreign", passport.GetProperty("credential").GetString());
        Assert.Equal("corp:alice", passport.GetProperty("sub").GetString());
        Assert.Equal("corp:their-app", passport.GetProperty("client_id").GetString());
        Assert.Equal("corp:", passport.GetProperty("zid").GetString());
        Assert.Equal("corp:the-id", passport.GetProperty("jti").GetString());
        Assert.Equal(["ui"], passport.GetProperty("scope").EnumerateArray().Select(scope => scope.GetString()));
        foreach (var claim in new[] { "user_id", "user_name", "act", "sid", "grant_id", "token_kid" }) Assert.False(passport.TryGetProperty(claim, out var value), claim + value);
    }

    [Fact]
    public async Task A_route_takes_them_only_when_it_lists_them_and_the_meshs_own_likewise()
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;
        var (theirs, ours) = (Token(), door.Issuer.UserToken("alice", "ui"));

        for (var i = 0; i < 2; i++) // unknown, and known
        {
            Assert.Equal("401 credential_not_taken", await door.GetAsync("/accounts/current", theirs).OutcomeAsync());
            Assert.Equal("401 credential_not_taken", await door.GetAsync("/theirs/x", ours).OutcomeAsync());
        }
        Assert.Empty(account.Requests);
        foreach (var token in new[] { theirs, ours }) Assert.Equal("200", await door.GetAsync("/both/x", token).OutcomeAsync());
        Assert.Equal("200", await door.GetAsync("/theirs/x", theirs).OutcomeAsync());
        Assert.Equal("401 credential_not_taken", await door.GetAsync("/accounts/current", theirs).OutcomeAsync());
    }

    [Theory]
    [InlineData("at+jwt")]
    [InlineData("application/at+jwt")]
    [InlineData("Application/AT+JWT")]
    public async Task Their_type_is_a_media_type_in_any_spelling_and_their_times_may_have_fractions(string typ)
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;
        var end = DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 300;

        Assert.Equal("200", await door.GetAsync("/theirs/x", TestIssuer.Sign(_corp.Key, _corp.Claims(("iss", Corp), ("aud", "https://mesh.example"), ("scope", "ui"), ("iat", end - 300.25), ("exp", end + 0.75)), typ)).OutcomeAsync());
        Assert.Equal(end - 301, account.Passport().GetProperty("token_iat").GetInt64());
    }

    public static TheoryData<string> Bad => ["another key", "the mesh's key", "another audience", "no audience", "expired", "another issuer", "an id token", "an id token as a media type", "no client", "no subject", "passport", "none"];

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task A_bad_token_of_theirs_opens_nothing(string fault)
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;
        var claims = _corp.Claims(("iss", Corp), ("aud", "https://mesh.example"), ("scope", "ui"));
        var token = fault switch
        {
            "another key" => TestIssuer.Sign(new SigningKey(), claims),
            "the mesh's key" => TestIssuer.Sign(door.Issuer.Key, claims),
            "another audience" => Token(("aud", "mesh://gateway")),
            "no audience" => Token(("aud", null)),
            "expired" => Token(("exp", DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 31)),
            "another issuer" => Token(("iss", Corp.TrimEnd('/'))),
            "an id token" => TestIssuer.Sign(_corp.Key, claims, typ: "JWT"),
            "an id token as a media type" => TestIssuer.Sign(_corp.Key, claims, typ: "application/jwt"),
            "no client" => Token(("client_id", null)),
            "no subject" => Token(("sub", "")),
            "passport" => TestIssuer.Sign(_corp.Key, claims, typ: "passport+jwt"),
            _ => TestIssuer.Sign(_corp.Key, claims, header: new() { ["alg"] = "none" }),
        };

        Assert.StartsWith("401 credential_", await door.GetAsync("/both/x", token).OutcomeAsync(), StringComparison.Ordinal);
        Assert.StartsWith("401 credential_", await door.GetAsync("/theirs/x", token).OutcomeAsync(), StringComparison.Ordinal);
        Assert.Empty(account.Requests);
    }

    [Fact]
    public async Task Their_key_proves_nothing_about_the_meshs_own_tokens()
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;
        Assert.Equal("200", await door.GetAsync("/both/x", Token()).OutcomeAsync()); // the key is known

        Assert.Equal("401 credential_invalid", await door.GetAsync("/both/x", _corp.UserToken("alice", "ui")).OutcomeAsync());
        Assert.Single(account.Requests);
    }

    [Fact]
    public async Task Scopes_are_those_listed_alone_whatever_the_issuer_calls_them()
    {
        var (door, account) = await OpenAsync(
            ("gateway:issuers:corp:scopeClaim", "roles"), ("gateway:issuers:corp:scopes:1", "reports.read"), ("gateway:issuers:corp:map:Staff", "ui"),
            ("gateway:issuers:corp:map:Chief:0", "reports.read"), ("gateway:issuers:corp:map:Chief:1", "ui"), ("gateway:routes:theirs:scopes:1", "reports.read"), ("gateway:routes:theirs:scopes:2", "server"));
        await using var _ = door;

        Assert.Equal("403 scope_missing", await door.GetAsync("/theirs/x", Token(("scope", "ui"))).OutcomeAsync());
        Assert.Equal("403 scope_missing", await door.GetAsync("/theirs/x", Token(("roles", new[] { "uaa.admin", "server", "Guest" }))).OutcomeAsync());
        Assert.Equal("200", await door.GetAsync("/theirs/x", Token(("roles", new[] { "Staff", "uaa.admin" }))).OutcomeAsync());
        Assert.Equal(["ui"], account.Passport().GetProperty("scope").EnumerateArray().Select(scope => scope.GetString()));
        Assert.Equal("200", await door.GetAsync("/theirs/x", Token(("roles", "Chief"))).OutcomeAsync());
        Assert.Equal(["reports.read", "ui"], account.Passport().GetProperty("scope").EnumerateArray().Select(scope => scope.GetString()));
    }

    [Fact]
    public async Task A_revocation_of_the_mesh_does_not_touch_them_though_they_give_the_same_names()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var theirs = Token(("sub", "id-of-alice"), ("user_id", "id-of-alice"), ("client_id", "app"), ("jti", "the-id"), ("sid", "the-session"));
        var ours = door.Issuer.UserToken("alice", "ui");
        await Eventually.TrueAsync(() => door.Issuer.Auth.Followers == 1, "the gateway follows");

        foreach (var (kind, subject) in new[] { ("token", "the-id"), ("session", "the-session"), ("key", _corp.Key.Kid) }) door.Issuer.Auth.Revoke(kind, subject);
        foreach (var (kind, subject) in new[] { ("client", "app"), ("zone", "uaa"), ("user", "id-of-alice") }) door.Issuer.Auth.Revoke(kind, subject, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1);

        await door.BecomesAsync("401 credential_invalid", "/both/x", "Bearer " + ours);
        Assert.Equal("200", await door.GetAsync("/both/x", theirs).OutcomeAsync());
    }

    [Fact]
    public async Task T_17_their_keys_are_fetched_once_and_a_flood_of_unknown_ones_fetches_once_in_30_seconds()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        Assert.Equal(0, _corp.KeyFetches);
        for (var i = 0; i < 3; i++) Assert.Equal("200", await door.GetAsync("/both/x", Token()).OutcomeAsync());
        Assert.Equal(1, _corp.KeyFetches);

        for (var i = 0; i < 5; i++) Assert.Equal("401 credential_invalid", await door.GetAsync("/both/x", TestIssuer.Sign(new SigningKey(), _corp.Claims(("iss", Corp)))).OutcomeAsync());
        Assert.Equal(2, _corp.KeyFetches);

        // New keys are taken, and those that were withdrawn are forgotten, also when nobody came for long.
        _clock.Advance(TimeSpan.FromSeconds(31));
        var old = _corp.Key;
        _corp.Rotate(withdrawOld: true);
        Assert.Equal("200", await door.GetAsync("/both/x", Token()).OutcomeAsync());
        Assert.Equal(3, _corp.KeyFetches);
        Assert.Equal("401 credential_invalid", await door.GetAsync("/both/x", TestIssuer.Sign(old, _corp.Claims(("iss", Corp), ("aud", "https://mesh.example")))).OutcomeAsync());
        var (present, claims) = (_corp.Key, _corp.Claims(("iss", Corp), ("aud", "https://mesh.example"), ("exp", DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 7200)));
        _corp.Rotate(withdrawOld: true);
        _clock.Advance(TimeSpan.FromSeconds(601)); // twice the max-age of 300 s
        Assert.Equal("401 credential_invalid", await door.GetAsync("/both/x", TestIssuer.Sign(present, claims)).OutcomeAsync());
    }

    [Fact]
    public async Task While_their_keys_are_not_to_be_had_it_is_503_and_the_meshs_own_go_on()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        _corp.FailWith = 500;

        using var answer = await door.GetAsync("/both/x", Token());

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Equal("200", await door.GetAsync("/both/x", door.Issuer.UserToken("alice", "ui")).OutcomeAsync());
    }

    [Fact]
    public async Task An_issuer_that_is_trusted_no_more_is_out_within_30_seconds_and_a_wrong_change_changes_nothing()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var token = Token();
        Assert.Equal("200", await door.GetAsync("/both/x", token).OutcomeAsync());

        door.Live.Change(("gateway:issuers:corp:audience", ""));
        await Eventually.TrueAsync(() => door.Gateway.Logs.Any(line => line.Contains("gateway:issuers:corp:audience is missing", StringComparison.Ordinal)), "it is said");
        _clock.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal("200", await door.GetAsync("/both/x", token).OutcomeAsync());
        Assert.Equal(1, _corp.KeyFetches); // nothing was begun anew

        door.Live.Change(("gateway:issuers:corp:audience", null), ("gateway:issuers:corp:issuer", "https://other.example/"));
        Assert.Equal("200", await door.GetAsync("/both/x", token).OutcomeAsync());
        _clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal("401 credential_invalid", await door.GetAsync("/both/x", token).OutcomeAsync());
    }

    [Theory]
    [InlineData("keys", "http://keys.example/jwks", "must be https")]
    [InlineData("keys", "https://a@keys.example/jwks", "must be an absolute https URL")]
    [InlineData("keys", "", "is missing")]
    [InlineData("issuer", "", "is missing")]
    [InlineData("issuer", "http://localhost:8080/uaa/oauth/token", "is the mesh's own")]
    [InlineData("audience", "", "is missing")]
    [InlineData("scopes:0", "", "must name the scopes")]
    [InlineData("algorithms:0", "HS256", "must be of ES256, RS256")]
    [InlineData("types:0", "passport+jwt", "must be of at+jwt")]
    [InlineData("subjectPrefix", "corp", "must hold a colon or a slash")]
    [InlineData("subjectPrefix", "", "must hold a colon or a slash")]
    [InlineData("subjectPrefix", "mesh://x", "must not begin with mesh:")]
    [InlineData("map:Staff", "uaa.admin", "names 'uaa.admin', which is none of the scopes listed")]
    [InlineData("jwks", "x", "is no field of an issuer")]
    public async Task A_wrong_setting_is_named_and_refused(string field, string value, string fault)
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;

        door.Live.Change(("gateway:issuers:corp:" + field, value));

        await Eventually.TrueAsync(() => door.Gateway.Logs.Any(line => line.Contains(fault, StringComparison.Ordinal)), fault);
        Assert.Equal("200", await door.GetAsync("/both/x", Token()).OutcomeAsync());
    }

    [Fact]
    public async Task Two_issuers_never_give_one_name()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;

        (string, string?)[] second =
        [
            ("gateway:issuers:b:issuer", "https://b.example"), ("gateway:issuers:b:keys", "https://b.example/jwks"), ("gateway:issuers:b:audience", "x"), ("gateway:issuers:b:scopes:0", "ui"),
            ("gateway:issuers:b:subjectPrefix", "corp:b:"),
        ];
        door.Live.Change(second);

        await Eventually.TrueAsync(() => door.Gateway.Logs.Any(line => line.Contains("begin alike", StringComparison.Ordinal)), "it is said");
    }

    [Theory]
    [InlineData("online", "true", "about which nobody can be asked")]
    [InlineData("relay", "exchange", "which auth does not exchange")]
    public async Task What_needs_auth_does_not_go_with_them(string field, string value, string fault)
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;

        door.Live.Change(("gateway:routes:both:" + field, value));

        await Eventually.TrueAsync(() => door.Gateway.Logs.Any(line => line.Contains(fault, StringComparison.Ordinal)), fault);
    }

    [Fact]
    public async Task Outside_a_demo_keys_on_this_machine_are_not_fetched_whatever_the_scheme()
    {
        await using var door = await AccessShown.OpenAsync(_clock,
            [Issuer(("mesh:demo", "false"), ("gateway:issuers:corp:keys", _corp.Url.Replace("http:", "https:", StringComparison.Ordinal) + "/uaa/token_keys")), AccessShown.Route("both", ("credentials:0", "foreign"))]);
        await door.AddAsync("account-service");

        Assert.Equal("503 unavailable", await door.GetAsync("/both/x", Token()).OutcomeAsync());
        Assert.Contains(door.Gateway.Logs, line => line.Contains("not on the public internet", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_normal_route_does_not_ask_auth_about_them_when_the_feed_is_cut()
    {
        var (door, _) = await OpenAsync(("gateway:routes:theirs:revocation", "normal"));
        await using var _ = door;
        await Eventually.TrueAsync(() => door.Issuer.Auth.Followers == 1, "the gateway follows");
        door.Issuer.Auth.IsFeedAway = true;
        door.Issuer.Auth.CutFeed();
        await Eventually.TrueAsync(() => door.Issuer.Auth.Followers == 0, "the feed is cut");
        _clock.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal("200", await door.GetAsync("/theirs/x", Token()).OutcomeAsync());
        Assert.Equal(0, door.Issuer.Auth.Introspections);
    }

    [Fact]
    public async Task What_is_open_for_a_caller_of_an_issuer_ends_when_the_issuer_is_trusted_no_more()
    {
        var door = await AccessShown.OpenAsync(_clock, [Issuer(), AccessShown.Route("theirs", ("credentials:0", "foreign"))]);
        await using var _ = door;
        await door.AddAsync("account-service", async http =>
        {
            await http.Response.Body.WriteAsync("hello\n"u8.ToArray(), http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        });
        using var request = new HttpRequestMessage(HttpMethod.Get, "/theirs/x");
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + Token());
        using var answer = await door.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.Equal("hello", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        var over = reader.ReadLineAsync(TestContext.Current.CancellationToken).AsTask();
        for (var second = 0; second < 60; second++) await PassAsync();
        Assert.False(over.IsCompleted); // looked at again and again, and still good

        door.Live.Change(("gateway:issuers:corp:audience", "https://another.example"));
        for (var second = 0; second < 45 && !over.IsCompleted; second++) await PassAsync();

        await Eventually.TrueAsync(() => over.IsCompleted, "the stream ends");
    }

    private async Task PassAsync()
    {
        for (var i = 0; i < 10; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(0.1));
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
    }
}
