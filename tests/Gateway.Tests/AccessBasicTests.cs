using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Gateway.Access;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>User name and password at the gateway, proved at auth.</summary>
public sealed class AccessBasicTests
{
    private static readonly (string, string)[] _client = [("gateway:basic:client", "door"), ("gateway:basic:clientSecret", "a:secret")];
    private readonly TestClock _clock = new();

    private async Task<(Door Door, Backend Account)> OpenAsync(params (string, string)[][] settings)
    {
        var door = await AccessShown.OpenAsync(_clock, [_client, AccessShown.Route("old", ("credentials:0", "basic"), ("credentials:1", "jwt")), AccessShown.Route("only", ("credentials:0", "basic")), .. settings]);
        door.Issuer.Auth.Users["alice"] = ("correct horse: battery", ["ui", "openid"]);
        return (door, await door.AddAsync("account-service"));
    }

    [Fact]
    public async Task A_password_is_proved_at_auth_once_for_the_callers_own_address_and_the_service_gets_a_passport()
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;

        for (var i = 0; i < 5; i++) Assert.Equal("200", await door.GetAsAsync("/old/x", AccessShown.Basic("alice", "correct horse: battery")).OutcomeAsync());

        var (client, address, form) = Assert.Single(door.Issuer.Auth.TokenRequests);
        Assert.Equal("door", client);
        Assert.Equal("127.0.0.1", address);
        Assert.Equal("password", form["grant_type"]);
        Assert.Equal("alice", form["username"]);
        Assert.Equal("correct horse: battery", form["password"]);
        var passport = account.Passport();
        Assert.Equal("basic", passport.GetProperty("credential").GetString());
        Assert.Equal("alice", passport.GetProperty("user_name").GetString());
        Assert.Equal(["ui"], passport.GetProperty("scope").EnumerateArray().Select(scope => scope.GetString()));
    }

    [Fact]
    public async Task A_wrong_password_is_401_with_both_challenges_and_is_asked_about_once_in_five_seconds()
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;

        for (var i = 0; i < 5; i++)
        {
            using var answer = await door.GetAsAsync("/old/x", AccessShown.Basic("alice", "wrong"));
            await AccessTests.AssertProblem(answer, 401, "unauthorized");
            Assert.Equal("Basic realm=\"securemesh\", charset=\"UTF-8\"", AccessShown.Challenge(answer));
        }
        Assert.Single(door.Issuer.Auth.TokenRequests);
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("401 credential_invalid", await door.GetAsAsync("/old/x", AccessShown.Basic("alice", "wrong")).OutcomeAsync());
        Assert.Equal(2, door.Issuer.Auth.TokenRequests.Count);
        Assert.Empty(account.Requests);
        Assert.Equal("200", await door.GetAsAsync("/old/x", AccessShown.Basic("alice", "correct horse: battery")).OutcomeAsync());
    }

    [Fact]
    public async Task The_challenge_names_what_the_route_takes()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;

        using var both = await door.GetAsync("/old/x");
        const string Metadata = "resource_metadata=\"http://localhost:8080/.well-known/oauth-protected-resource";
        Assert.Equal($"Bearer realm=\"securemesh\", {Metadata}/old/x\", Basic realm=\"securemesh\", charset=\"UTF-8\"", AccessShown.Challenge(both));
        using var only = await door.GetAsync("/only/x");
        Assert.Equal("Basic realm=\"securemesh\", charset=\"UTF-8\"", AccessShown.Challenge(only));
        using var none = await door.GetAsync("/accounts/current");
        Assert.Equal($"Bearer realm=\"securemesh\", {Metadata}/accounts/current\"", AccessShown.Challenge(none));
        using var token = await door.GetAsync("/only/x", door.Issuer.UserToken("alice", "ui"));
        Assert.Equal(HttpStatusCode.Unauthorized, token.StatusCode);
        Assert.Equal("Basic realm=\"securemesh\", charset=\"UTF-8\"", AccessShown.Challenge(token));
    }

    [Fact]
    public async Task A_route_that_does_not_list_it_takes_no_password()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;

        Assert.Equal("401 credential_not_taken", await door.GetAsAsync("/accounts/current", AccessShown.Basic("alice", "correct horse: battery")).OutcomeAsync());
        Assert.Empty(door.Issuer.Auth.TokenRequests);
    }

    [Theory]
    [InlineData("AAAA*")]
    [InlineData("YWxpY2U=")] // alice
    [InlineData("OnBhc3N3b3Jk")] // :password
    [InlineData("/zpwYXNz")] // no UTF-8 before the colon
    [InlineData("YQpiOnBhc3M=")] // a, a line feed, b:pass
    [InlineData("YWxpY2U6cGE=c3M")]
    [InlineData("")]
    public async Task What_is_no_name_and_password_is_refused_without_asking_anybody(string text)
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;

        Assert.Equal("401 credential_malformed", await door.GetAsAsync("/old/x", ("Basic " + text).TrimEnd()).OutcomeAsync());
        Assert.Empty(door.Issuer.Auth.TokenRequests);
    }

    [Fact]
    public async Task V_077_names_and_passwords_that_differ_anywhere_are_two_however_long_they_are()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var name = new string('n', 200);
        var password = new string('p', 100);
        door.Issuer.Auth.Users[name] = (password, ["ui"]);

        Assert.Equal("200", await door.GetAsAsync("/old/x", AccessShown.Basic(name, password)).OutcomeAsync());
        Assert.Equal("401 credential_invalid", await door.GetAsAsync("/old/x", AccessShown.Basic(name, password + "p")).OutcomeAsync());
        Assert.Equal("401 credential_invalid", await door.GetAsAsync("/old/x", AccessShown.Basic(name, password[..^1] + "q")).OutcomeAsync());
        Assert.Equal("401 credential_invalid", await door.GetAsAsync("/old/x", AccessShown.Basic(name + "n", password)).OutcomeAsync());
    }

    [Theory]
    [InlineData("user", "id-of-alice")]
    [InlineData("client", "browser")]
    public async Task A_revocation_ends_what_is_remembered_and_the_next_request_asks_anew(string kind, string subject)
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        Assert.Equal("200", await door.GetAsAsync("/old/x", AccessShown.Basic("alice", "correct horse: battery")).OutcomeAsync());
        await Eventually.TrueAsync(() => door.Issuer.Auth.Followers == 1, "the gateway follows");

        door.Issuer.Auth.Users["alice"] = ("another password", ["ui"]);
        door.Issuer.Auth.Revoke(kind, subject, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1);

        await door.BecomesAsync("401 credential_invalid", "/old/x", AccessShown.Basic("alice", "correct horse: battery"));
    }

    [Fact]
    public async Task What_was_proved_is_good_for_as_long_as_the_token_that_came_of_it()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        Assert.Equal("200", await door.GetAsAsync("/old/x", AccessShown.Basic("alice", "correct horse: battery")).OutcomeAsync());
        _clock.Advance(TimeSpan.FromSeconds(570));
        Assert.Equal("200", await door.GetAsAsync("/old/x", AccessShown.Basic("alice", "correct horse: battery")).OutcomeAsync());
        Assert.Single(door.Issuer.Auth.TokenRequests);
        _clock.Advance(TimeSpan.FromSeconds(120)); // the token is of the true time, which went on
        door.Issuer.Auth.Users.Clear();
        Assert.Equal("401 credential_invalid", await door.GetAsAsync("/old/x", AccessShown.Basic("alice", "correct horse: battery")).OutcomeAsync());
    }

    [Fact]
    public async Task Four_passwords_of_one_address_are_proved_at_once_and_others_wait()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var go = new TaskCompletionSource();
        door.Issuer.Auth.AnswerToken = async _ =>
        {
            await go.Task;
            return null;
        };

        var turns = door.Gateway.Services.GetServices<ICredentialCheck>().OfType<BasicCheck>().Single().Turns;
        var guesses = Enumerable.Range(0, 4 + 128).Select(i => door.GetAsAsync("/old/x", AccessShown.Basic("alice", $"guess {i}")).OutcomeAsync()).ToArray();
        await Eventually.TrueAsync(() => door.Issuer.Auth.TokenRequests.Count == 4 && turns.Waiting == 128, "four are proved and 128 wait");
        Assert.Equal("503 unavailable", await door.GetAsAsync("/old/x", AccessShown.Basic("alice", "one more")).OutcomeAsync());
        Assert.Equal(4, door.Issuer.Auth.TokenRequests.Count);

        go.SetResult();
        Assert.All(await Task.WhenAll(guesses), outcome => Assert.Equal("401 credential_invalid", outcome));
        Assert.Equal(4 + 128, door.Issuer.Auth.TokenRequests.Count);
    }

    [Fact]
    public async Task The_limits_of_auth_reach_the_caller()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        door.Issuer.Auth.AnswerToken = _ => Task.FromResult<IResult?>(new Slow());

        using (var answer = await door.GetAsAsync("/old/x", AccessShown.Basic("alice", "correct horse: battery")))
        {
            Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(77), answer.Headers.RetryAfter?.Delta);
        }
        door.Issuer.Auth.AnswerToken = null;
        Assert.Equal("200", await door.GetAsAsync("/old/x", AccessShown.Basic("alice", "correct horse: battery")).OutcomeAsync());
        door.Issuer.Auth.IsAway = true;
        Assert.Equal("503 unavailable", await door.GetAsAsync("/old/x", AccessShown.Basic("bob", "x")).OutcomeAsync());
        Assert.Equal("200", await door.GetAsAsync("/old/x", AccessShown.Basic("alice", "correct horse: battery")).OutcomeAsync());
    }

    [Fact]
    public async Task Auth_is_asked_by_the_token_never_by_the_password()
    {
        var (door, _) = await OpenAsync(AccessShown.Route("now", ("credentials:0", "basic"), ("online", "true")));
        await using var _ = door;
        string? asked = null;
        door.Issuer.Auth.AnswerIntrospection = token =>
        {
            asked = token;
            return Task.FromResult<IResult?>(Results.Json(new { active = true }));
        };

        Assert.Equal("200", await door.GetAsAsync("/now/x", AccessShown.Basic("alice", "correct horse: battery")).OutcomeAsync());
        Assert.Equal(2, asked!.Count(c => c == '.'));
    }

    [Fact]
    public async Task X_14_no_log_line_holds_a_password_or_the_name_that_came_with_it()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        door.Issuer.Auth.Users["canary-name"] = ("canary-password", ["ui"]);

        await door.GetAsAsync("/old/x", AccessShown.Basic("canary-name", "canary-password")).OutcomeAsync();
        await door.GetAsAsync("/old/x", AccessShown.Basic("canary-name", "canary-wrong")).OutcomeAsync();
        await door.GetAsAsync("/accounts/current", AccessShown.Basic("canary-name", "canary-wrong")).OutcomeAsync();

        Assert.Contains(door.Gateway.Logs, line => line.Contains("auth refuses the password", StringComparison.Ordinal));
        Assert.DoesNotContain(door.Gateway.Logs, line => line.Contains("canary", StringComparison.Ordinal) || line.Contains("Y2FuYXJ5", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_client_for_it_a_route_with_basic_is_refused_and_the_old_routes_stay()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service");

        door.Live.Change([.. AccessShown.Route("old", ("credentials:0", "basic"))]);

        await Eventually.TrueAsync(
            () => door.Gateway.Logs.Any(line => line.Contains("gateway:routes:old:credentials holds basic, but no client is named at gateway:basic:client", StringComparison.Ordinal)), "it is said");
        Assert.Equal("200", await door.GetAsync("/accounts/current", door.Issuer.UserToken("alice", "ui")).OutcomeAsync());
        Assert.Equal("404 route_missing", await door.GetAsync("/old/x").OutcomeAsync());
    }

    [Fact]
    public async Task Passwords_are_not_handed_through_to_services()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;

        door.Live.Change(("gateway:routes:old:relay", "passthrough"));

        await Eventually.TrueAsync(() => door.Gateway.Logs.Any(line => line.Contains("the service would get passwords", StringComparison.Ordinal)), "it is said");
    }

    [Fact]
    public async Task In_a_demo_the_client_is_the_demos()
    {
        await using var door = await Door.OpenAsync([("mesh:demo", "true"), .. AccessShown.Route("old", ("credentials:0", "basic"))]);
        await door.AddAsync("account-service");
        door.Issuer.Auth.Users["demo"] = ("demo", ["ui"]);

        Assert.Equal("200", await door.GetAsAsync("/old/x", AccessShown.Basic("demo", "demo")).OutcomeAsync());
        Assert.Equal("browser", Assert.Single(door.Issuer.Auth.TokenRequests).Client);
    }

    private sealed class Slow : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = 429;
            httpContext.Response.Headers.RetryAfter = "77";
            return httpContext.Response.WriteAsJsonAsync(new { error = "too_many_requests" });
        }
    }
}
