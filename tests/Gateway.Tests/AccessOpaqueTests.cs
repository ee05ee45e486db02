using System.Net;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Opaque access tokens and API tokens: what they stand for, auth alone knows.</summary>
public sealed class AccessOpaqueTests
{
    private readonly TestClock _clock = new();

    private async Task<(Door Door, Backend Account)> OpenAsync(params (string, string)[][] settings)
    {
        var door = await AccessShown.OpenAsync(_clock, settings);
        return (door, await door.AddAsync("account-service"));
    }

    [Theory]
    [InlineData("opaque")]
    [InlineData("api-token")]
    public async Task The_service_gets_a_passport_with_what_auth_says_of_the_token(string kind)
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;
        (string, object?)[] marks = [("jti", "the-id"), ("sid", "the-session"), ("grant_id", "the-grant"), ("iat", 1_700_000_000L), ("scope", new[] { "ui", "openid" })];
        var token = kind == "opaque" ? door.Opaque(marks) : door.ApiToken(marks);

        using var answer = await door.GetAsync("/accounts/current", token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var passport = account.Passport();
        Assert.Equal(kind, passport.GetProperty("credential").GetString());
        Assert.Equal("id-of-alice", passport.GetProperty("sub").GetString());
        Assert.Equal("alice", passport.GetProperty("user_name").GetString());
        Assert.Equal("the-id", passport.GetProperty("jti").GetString());
        Assert.Equal("the-session", passport.GetProperty("sid").GetString());
        Assert.Equal("the-grant", passport.GetProperty("grant_id").GetString());
        Assert.Equal("uaa", passport.GetProperty("zid").GetString());
        Assert.Equal("app", passport.GetProperty("client_id").GetString());
        Assert.Equal(1_700_000_000, passport.GetProperty("token_iat").GetInt64());
        Assert.Equal(["ui"], passport.GetProperty("scope").EnumerateArray().Select(scope => scope.GetString()));
        Assert.False(passport.TryGetProperty("token_kid", out var none), none.ToString());
    }

    [Theory]
    [InlineData("smt_")]
    [InlineData("smt_000000000000000000000000000000000000000000039rkCJ")] // the last digit of the checksum
    [InlineData("smt_100000000000000000000000000000000000000000039rkCI")] // a digit of the secret
    [InlineData("smt_000000000000000000000000000000000000000000039rkCI0")]
    [InlineData("smt_00000000000000000000000000000000000000000_039rkCI")]
    [InlineData("SMT_000000000000000000000000000000000000000000039rkCI")]
    [InlineData("sm_at_")]
    [InlineData("sm_at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("sm_at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")] // bits that no byte has
    [InlineData("sm_at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("sm_rt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")] // a refresh token opens nothing
    [InlineData("d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData("a.b")]
    [InlineData("a.b.c.d")]
    public async Task A_malformed_token_is_refused_without_asking_anybody(string token)
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;

        Assert.Equal("401 credential_malformed", await door.GetAsync("/accounts/current", token).OutcomeAsync());

        Assert.Equal(0, door.Issuer.Auth.Introspections);
    }

    [Fact]
    public async Task A_well_formed_token_that_auth_does_not_know_costs_one_question_in_five_seconds()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var token = ApiTokenFormat.Write(Entropy.Bytes(32));

        for (var i = 0; i < 5; i++) Assert.Equal("401 credential_invalid", await door.GetAsync("/accounts/current", token).OutcomeAsync());
        Assert.Equal(1, door.Issuer.Auth.Introspections);

        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("401 credential_invalid", await door.GetAsync("/accounts/current", token).OutcomeAsync());
        Assert.Equal(2, door.Issuer.Auth.Introspections);
    }

    [Fact]
    public async Task T_14_I_05_a_good_token_is_asked_about_once_and_again_after_30_seconds()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var token = door.Opaque();

        for (var i = 0; i < 5; i++) Assert.Equal("200", await door.GetAsync("/accounts/current", token).OutcomeAsync());
        _clock.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal("200", await door.GetAsync("/accounts/current", token).OutcomeAsync());
        Assert.Equal(1, door.Issuer.Auth.Introspections);

        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("200", await door.GetAsync("/accounts/current", token).OutcomeAsync());
        Assert.Equal(2, door.Issuer.Auth.Introspections);

        // What ended it without a word on the feed, such as a scope lost, is in force by then.
        door.Issuer.Auth.Opaque.Clear();
        Assert.Equal("200", await door.GetAsync("/accounts/current", token).OutcomeAsync());
        _clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal("401 credential_invalid", await door.GetAsync("/accounts/current", token).OutcomeAsync());
    }

    [Theory]
    [InlineData("opaque")]
    [InlineData("api-token")]
    public async Task I_05_what_auth_said_of_a_token_ends_with_the_token_although_30_seconds_are_not_over(string kind)
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;
        (string, object?) end = ("exp", _clock.GetUtcNow().ToUnixTimeSeconds() + 10);
        var token = kind == "opaque" ? door.Opaque(end) : door.ApiToken(end);

        Assert.Equal("200", await door.GetAsync("/accounts/current", token).OutcomeAsync());
        _clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal("200", await door.GetAsync("/accounts/current", token).OutcomeAsync());
        Assert.Equal(1, door.Issuer.Auth.Introspections);

        // Auth, whose clock may be behind, would still stand by it.
        _clock.Advance(TimeSpan.FromSeconds(1));
        for (var i = 0; i < 2; i++) Assert.Equal("401 credential_expired", await door.GetAsync("/accounts/current", token).OutcomeAsync());
        Assert.Equal(2, account.Requests.Count);
    }

    [Theory]
    [InlineData("token", "the-id")]
    [InlineData("session", "the-session")]
    [InlineData("grant", "the-grant")]
    [InlineData("user", "id-of-alice")]
    [InlineData("client", "app")]
    [InlineData("zone", "uaa")]
    public async Task T_13_a_revocation_on_the_feed_ends_a_known_token_at_once(string kind, string subject)
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        (string, object?)[] marks = [("jti", "the-id"), ("sid", "the-session"), ("grant_id", "the-grant")];
        string[] tokens = [door.Opaque(marks), door.ApiToken(marks)];
        foreach (var token in tokens) Assert.Equal("200", await door.GetAsync("/accounts/current", token).OutcomeAsync());
        await Eventually.TrueAsync(() => door.Issuer.Auth.Followers == 1, "the gateway follows");

        door.Issuer.Auth.Revoke(kind, subject, kind is "user" or "client" or "zone" ? DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 10 : null);

        foreach (var token in tokens) await door.BecomesAsync("401 credential_invalid", "/accounts/current", "Bearer " + token);
    }

    [Fact]
    public async Task A_token_that_was_narrowed_to_a_service_opens_nothing_at_the_gateway()
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;

        foreach (var audience in new object[] { new[] { "mesh://account-service" }, "mesh://account-service", new[] { "mesh://gateway2" }, Array.Empty<string>() })
            Assert.Equal("401 credential_invalid", await door.GetAsync("/accounts/current", door.Opaque(("aud", audience))).OutcomeAsync());
        Assert.Equal("401 credential_invalid", await door.GetAsync("/accounts/current", door.Opaque(("aud", null))).OutcomeAsync());
        Assert.Empty(account.Requests);
        Assert.Equal("200", await door.GetAsync("/accounts/current", door.Opaque(("aud", "mesh://gateway"))).OutcomeAsync());
    }

    [Fact]
    public async Task What_auth_calls_something_else_than_an_access_token_is_none()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;

        Assert.Equal("401 credential_invalid", await door.GetAsync("/accounts/current", door.Opaque(("token_use", "refresh"))).OutcomeAsync());
    }

    [Fact]
    public async Task While_auth_is_away_unknown_tokens_are_503_with_Retry_After_and_known_ones_go_on_within_their_time()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var known = door.Opaque();
        var signed = door.Issuer.UserToken("alice", "ui");
        Assert.Equal("200", await door.GetAsync("/accounts/current", known).OutcomeAsync());
        Assert.Equal("200", await door.GetAsync("/accounts/current", signed).OutcomeAsync());

        door.Issuer.Auth.IsAway = true;
        using (var unknown = await door.GetAsync("/accounts/current", door.ApiToken()))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, unknown.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(1), unknown.Headers.RetryAfter?.Delta);
            Assert.Empty(unknown.Headers.WwwAuthenticate);
        }
        Assert.Equal("200", await door.GetAsync("/accounts/current", known).OutcomeAsync());
        _clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal("503 unavailable", await door.GetAsync("/accounts/current", known).OutcomeAsync());
        Assert.Equal("200", await door.GetAsync("/accounts/current", signed).OutcomeAsync());

        door.Issuer.Auth.IsAway = false;
        _clock.Advance(TimeSpan.FromSeconds(1)); // for so long nobody else is made to wait for the silence
        Assert.Equal("200", await door.GetAsync("/accounts/current", known).OutcomeAsync());
    }

    [Fact]
    public async Task A_route_that_does_not_list_the_kind_refuses_it_without_asking()
    {
        var (door, _) = await OpenAsync(AccessShown.Route("signed", ("credentials:0", "jwt")), AccessShown.Route("scripts", ("credentials:0", "api-token")));
        await using var _ = door;

        Assert.Equal("401 credential_not_taken", await door.GetAsync("/signed/x", door.Opaque()).OutcomeAsync());
        Assert.Equal("401 credential_not_taken", await door.GetAsync("/signed/x", door.ApiToken()).OutcomeAsync());
        Assert.Equal("401 credential_not_taken", await door.GetAsync("/scripts/x", door.Issuer.UserToken("alice", "ui")).OutcomeAsync());
        Assert.Equal(0, door.Issuer.Auth.Introspections);
        Assert.Equal("200", await door.GetAsync("/scripts/x", door.ApiToken()).OutcomeAsync());
    }
}
