using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary><c>relay: exchange</c>: the service gets a token of auth for itself alone.</summary>
public sealed class AccessExchangeTests
{
    private readonly TestClock _clock = new();

    private async Task<(Door Door, Backend Account)> OpenAsync(params (string, string)[][] settings)
    {
        var door = await AccessShown.OpenAsync(_clock,
        [
            [("gateway:exchange:clientId", "exchanger"), ("gateway:exchange:clientSecret", "secret")], AccessShown.Route("x", ("relay", "exchange")),
            AccessShown.Route("y", ("relay", "exchange"), ("service", "other-service")), .. settings,
        ]);
        return (door, await door.AddAsync("account-service"));
    }

    private static JsonElement Claims(Backend backend) =>
        JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(backend.Last.Headers["Authorization"]["Bearer ".Length..].Split('.')[1])).RootElement;

    [Fact]
    public async Task The_service_gets_a_token_for_itself_with_the_routes_scopes_and_the_gateway_as_the_one_who_acts()
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;
        var token = door.Issuer.UserToken("alice", "ui", "openid", "uaa.admin");

        for (var i = 0; i < 3; i++) Assert.Equal("200", await door.GetAsync("/x/1", token).OutcomeAsync());

        var (client, address, form) = Assert.Single(door.Issuer.Auth.TokenRequests); // kept
        Assert.Equal("exchanger", client);
        Assert.Null(address);
        Assert.Equal(token, form["subject_token"]);
        Assert.Equal("urn:ietf:params:oauth:token-type:access_token", form["subject_token_type"]);
        Assert.Equal("mesh://account-service", form["audience"]);
        Assert.Equal("ui", form["scope"]);
        var claims = Claims(account);
        Assert.Equal("mesh://account-service", claims.GetProperty("aud")[0].GetString());
        Assert.Equal("exchanger", claims.GetProperty("act").GetProperty("sub").GetString());
        Assert.Equal("id-of-alice", claims.GetProperty("sub").GetString());
    }

    [Fact]
    public async Task Each_service_and_each_caller_has_his_own_and_a_hundred_at_once_exchange_once()
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;
        var other = await door.AddAsync("other-service");
        var (alice, bob) = (door.Issuer.UserToken("alice", "ui"), door.Issuer.UserToken("bob", "ui"));

        Assert.All(await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => door.GetAsync("/x/1", alice).OutcomeAsync())), outcome => Assert.Equal("200", outcome));
        Assert.Single(door.Issuer.Auth.TokenRequests);
        Assert.Equal("200", await door.GetAsync("/y/1", alice).OutcomeAsync());
        Assert.Equal("mesh://other-service", Claims(other).GetProperty("aud")[0].GetString());
        Assert.Equal("200", await door.GetAsync("/x/1", bob).OutcomeAsync());
        Assert.Equal("id-of-bob", Claims(account).GetProperty("sub").GetString());
        Assert.Equal(3, door.Issuer.Auth.TokenRequests.Count);
    }

    [Fact]
    public async Task It_is_exchanged_anew_shortly_before_it_ends()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var token = door.Issuer.UserToken("alice", "ui");

        Assert.Equal("200", await door.GetAsync("/x/1", token).OutcomeAsync());
        _clock.Advance(TimeSpan.FromSeconds(269)); // of 300
        Assert.Equal("200", await door.GetAsync("/x/1", token).OutcomeAsync());
        Assert.Single(door.Issuer.Auth.TokenRequests);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("200", await door.GetAsync("/x/1", token).OutcomeAsync());
        Assert.Equal(2, door.Issuer.Auth.TokenRequests.Count);
    }

    [Fact]
    public async Task A_clock_that_is_set_back_keeps_no_exchanged_token_beyond_its_end()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var token = door.Issuer.UserToken("alice", "ui");
        Assert.Equal("200", await door.GetAsync("/x/1", token).OutcomeAsync());

        _clock.SetBack(TimeSpan.FromHours(1));
        _clock.Advance(TimeSpan.FromSeconds(271));

        Assert.Equal("200", await door.GetAsync("/x/1", token).OutcomeAsync());
        Assert.Equal(2, door.Issuer.Auth.TokenRequests.Count);
    }

    [Fact]
    public async Task Opaque_tokens_are_exchanged_and_passwords_by_the_token_that_came_of_them()
    {
        var (door, account) = await OpenAsync(
            [("gateway:basic:client", "door")], AccessShown.Route("p", ("relay", "exchange"), ("credentials:0", "basic")));
        await using var _ = door;
        door.Issuer.Auth.Users["alice"] = ("secret", ["ui"]);

        Assert.Equal("200", await door.GetAsync("/x/1", door.Opaque()).OutcomeAsync());
        Assert.Equal("id-of-alice", Claims(account).GetProperty("sub").GetString());
        Assert.Equal("200", await door.GetAsAsync("/p/1", AccessShown.Basic("alice", "secret")).OutcomeAsync());
        Assert.Equal(2, door.Issuer.Auth.TokenRequests.Last().Form["subject_token"].Count(c => c == '.'));
        Assert.DoesNotContain(AccessShown.Basic("alice", "secret"), account.Last.Headers["Authorization"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task API_tokens_are_not_exchanged()
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;

        Assert.Equal("401 credential_not_taken", await door.GetAsync("/x/1", door.ApiToken()).OutcomeAsync());
        Assert.Empty(door.Issuer.Auth.TokenRequests);
        Assert.Empty(account.Requests);
    }

    [Theory]
    [InlineData(400, "invalid_request", "401 credential_invalid")]
    [InlineData(400, "invalid_scope", "403 scope_missing")]
    [InlineData(400, "invalid_target", "503 unavailable")]
    [InlineData(400, "unauthorized_client", "503 unavailable")]
    [InlineData(401, "invalid_client", "503 unavailable")]
    [InlineData(429, "too_many_requests", "429 rate_limited")]
    [InlineData(503, "temporarily_unavailable", "503 unavailable")]
    public async Task A_refused_exchange_is_the_callers_fault_or_the_operators(int status, string error, string outcome)
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;
        door.Issuer.Auth.AnswerToken = _ => Task.FromResult<IResult?>(Results.Json(new { error }, statusCode: status));
        var token = door.Issuer.UserToken("alice", "ui");

        Assert.Equal(outcome, await door.GetAsync("/x/1", token).OutcomeAsync());
        Assert.Equal(outcome, await door.GetAsync("/x/1", token).OutcomeAsync());
        Assert.Empty(account.Requests);
        Assert.Equal(outcome.StartsWith('4') && status != 429 ? 1 : 2, door.Issuer.Auth.TokenRequests.Count);

        door.Issuer.Auth.AnswerToken = null;
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("200", await door.GetAsync("/x/1", token).OutcomeAsync());
    }

    [Fact]
    public async Task While_auth_is_away_what_was_exchanged_goes_on_and_nothing_else()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var (alice, bob) = (door.Issuer.UserToken("alice", "ui"), door.Issuer.UserToken("bob", "ui"));
        Assert.Equal("200", await door.GetAsync("/x/1", alice).OutcomeAsync());

        door.Issuer.Auth.IsAway = true;

        Assert.Equal("200", await door.GetAsync("/x/1", alice).OutcomeAsync());
        using var answer = await door.GetAsync("/x/1", bob);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
    }

    [Fact]
    public async Task A_revoked_caller_gets_nothing_that_was_exchanged_for_him()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var token = door.Issuer.UserToken("alice", "ui");
        Assert.Equal("200", await door.GetAsync("/x/1", token).OutcomeAsync());
        await Eventually.TrueAsync(() => door.Issuer.Auth.Followers == 1, "the gateway follows");

        door.Issuer.Auth.Revoke("user", "id-of-alice", DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1);

        await door.BecomesAsync("401 credential_invalid", "/x/1", "Bearer " + token);
    }

    [Fact]
    public async Task Without_a_client_for_it_such_a_route_is_refused()
    {
        await using var door = await Door.OpenAsync();

        door.Live.Change([.. AccessShown.Route("x", ("relay", "exchange"))]);

        await Eventually.TrueAsync(() => door.Gateway.Logs.Any(line => line.Contains("gateway:routes:x:relay is exchange, but no client is named at gateway:exchange:clientId", StringComparison.Ordinal)), "it is said");
    }
}
