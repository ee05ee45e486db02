using System.Net;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Gateway.Access;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>What is remembered of credentials can neither be poisoned nor filled to anyone's harm.</summary>
public sealed class AccessCacheTests
{
    [Fact]
    public async Task A_hundred_first_uses_at_once_are_one_question()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service");
        var token = door.Opaque();
        var asked = new TaskCompletionSource();
        door.Issuer.Auth.AnswerIntrospection = async _ =>
        {
            await asked.Task;
            return null;
        };

        var calls = Enumerable.Range(0, 100).Select(_ => door.GetAsync("/accounts/current", token).OutcomeAsync()).ToArray();
        await Eventually.TrueAsync(() => door.Issuer.Auth.Introspections == 1, "somebody asks");
        asked.SetResult();

        Assert.All(await Task.WhenAll(calls), outcome => Assert.Equal("200", outcome));
        Assert.Equal(1, door.Issuer.Auth.Introspections);
    }

    [Fact]
    public async Task A_hundred_thousand_bad_tokens_leave_the_good_ones_known()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service");
        string[] good = [.. Enumerable.Range(0, 50).Select(_ => door.Opaque())];
        foreach (var token in good) Assert.Equal("200", await door.GetAsync("/accounts/current", token).OutcomeAsync());
        var credentials = door.Gateway.Services.GetRequiredService<Credentials>();
        var cancellation = TestContext.Current.CancellationToken;

        // Past the door's HTTP, which would take minutes: each is read, looked up and refused as in a request.
        await Parallel.ForEachAsync(Enumerable.Range(0, 100_000), cancellation, async (number, stop) =>
        {
            var bad = Presented.Read($"Bearer e30.e30.{number:x8}", out var malformed)!.Value;
            Assert.Null(malformed);
            var verdict = await credentials.CheckAsync(bad, IPAddress.Loopback, stop);
            Assert.NotNull(verdict.Refusal);
        });

        var before = door.Issuer.Auth.Introspections;
        foreach (var token in good) Assert.Equal("200", await door.GetAsync("/accounts/current", token).OutcomeAsync());
        Assert.Equal(before, door.Issuer.Auth.Introspections);
        Assert.InRange(credentials.Count, 50, 60);
        Assert.InRange(credentials.RefusedCount, 1, 10_000);
    }

    [Fact]
    public async Task V_070_a_hundred_thousand_good_tokens_that_never_end_fill_no_memory()
    {
        var check = new Everybody();
        using var credentials = new Credentials([check], new Nothing(), TimeProvider.System, new AccessLimits(Callers: 2_000));
        for (var i = 0; i < 100_000; i++)
        {
            var token = new Presented(CredentialKind.Jwt, CredentialScheme.Bearer, $"header.payload.{i:d20}");
            var verdict = await credentials.CheckAsync(token, null, TestContext.Current.CancellationToken);
            Assert.NotNull(verdict.Caller);
            if (i % 10_000 == 0) Assert.InRange(credentials.Count, 0, 2_000);
        }

        Assert.InRange(credentials.Count, 1_000, 2_000);
        Assert.Equal(100_000, check.Checks);
    }

    [Fact]
    public async Task One_of_two_credentials_that_share_their_end_is_not_taken_for_the_other()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service");
        var good = door.Issuer.UserToken("alice", "ui");
        Assert.Equal("200", await door.GetAsync("/accounts/current", good).OutcomeAsync());

        // The signature of a good one under other claims, and the good one with any of its parts changed.
        var parts = good.Split('.');
        var other = door.Issuer.UserToken("mallory", "ui").Split('.');
        Assert.Equal("401 credential_invalid", await door.GetAsync("/accounts/current", $"{parts[0]}.{other[1]}.{parts[2]}").OutcomeAsync());
        Assert.Equal("401 credential_invalid", await door.GetAsync("/accounts/current", $"{parts[0]}.{parts[1]}.{other[2]}").OutcomeAsync());
        Assert.Equal("401 credential_invalid", await door.GetAsync("/accounts/current", good + "A").OutcomeAsync());
        Assert.Equal("200", await door.GetAsync("/accounts/current", good).OutcomeAsync());
    }

    [Fact]
    public async Task V_031_I_05_what_one_route_let_in_is_judged_anew_by_the_next()
    {
        await using var door = await Door.OpenAsync(
            [.. AccessShown.Route("mine"), ("gateway:routes:admin:path", "/admin/{**rest}"), ("gateway:routes:admin:service", "account-service"), ("gateway:routes:admin:scopes:0", "uaa.admin")]);
        await door.AddAsync("account-service");
        var token = door.Opaque();

        Assert.Equal("200", await door.GetAsync("/mine/x", token).OutcomeAsync());
        Assert.Equal("403 scope_missing", await door.GetAsync("/admin/x", token).OutcomeAsync());
        Assert.Equal("200", await door.GetAsync("/mine/x", token).OutcomeAsync());
        Assert.Equal(1, door.Issuer.Auth.Introspections);

        // And the other way round: what one route refused is not closed at the next.
        var other = door.Opaque();
        Assert.Equal("403 scope_missing", await door.GetAsync("/admin/x", other).OutcomeAsync());
        Assert.Equal("200", await door.GetAsync("/mine/x", other).OutcomeAsync());
        Assert.Equal(2, door.Issuer.Auth.Introspections);
    }

    [Theory]
    [InlineData("opaque")]
    [InlineData("api-token")]
    [InlineData("password")]
    public async Task V_032_I_05_what_one_token_service_said_of_a_credential_is_not_taken_for_the_word_of_another(string kind)
    {
        await using var other = await TestIssuer.StartAsync();
        await using var door = await AccessShown.OpenAsync(new TestClock(), [("gateway:basic:client", "door")], AccessShown.Route("x", ("credentials:0", "opaque"), ("credentials:1", "api-token"), ("credentials:2", "basic")));
        var account = await door.AddAsync("account-service");
        door.Issuer.Auth.Users["alice"] = ("secret", ["ui"]);
        var shown = kind switch
        {
            "opaque" => "Bearer " + door.Opaque(),
            "api-token" => "Bearer " + door.ApiToken(),
            _ => AccessShown.Basic("alice", "secret"),
        };
        Assert.Equal("200", await door.GetAsAsync("/x/1", shown).OutcomeAsync());
        Assert.Equal("id-of-alice", account.Passport().GetProperty("sub").GetString());

        // The clock stands still: nothing that is remembered has grown old.
        door.Live.Change(("mesh:auth:url", other.Url));
        Assert.Equal("401 credential_invalid", await door.GetAsAsync("/x/1", shown).OutcomeAsync());
        Assert.Single(account.Requests);

        // And its refusal is its own word as well.
        door.Live.Change(("mesh:auth:url", door.Issuer.Url));
        Assert.Equal("200", await door.GetAsAsync("/x/1", shown).OutcomeAsync());
    }

    [Fact]
    public async Task V_032_the_same_text_at_two_token_services_is_the_token_of_two_callers()
    {
        await using var other = await TestIssuer.StartAsync();
        await using var door = await AccessShown.OpenAsync(new TestClock());
        var account = await door.AddAsync("account-service");
        var token = door.Opaque();
        other.Auth.Opaque[token] = other.Claims(("sub", "id-of-bob"), ("user_id", "id-of-bob"), ("scope", new[] { "ui" }));

        foreach (var (address, subject) in new[] { (door.Issuer.Url, "id-of-alice"), (other.Url, "id-of-bob"), (door.Issuer.Url, "id-of-alice") })
        {
            door.Live.Change(("mesh:auth:url", address));
            Assert.Equal("200", await door.GetAsync("/accounts/current", token).OutcomeAsync());
            Assert.Equal(subject, account.Passport().GetProperty("sub").GetString());
        }
    }

    [Fact]
    public async Task V_032_nor_is_what_was_said_a_moment_ago_while_the_feed_is_cut()
    {
        await using var other = await TestIssuer.StartAsync();
        await using var door = await AccessShown.OpenAsync(new TestClock(), issuer => issuer.Auth.IsFeedAway = true, AccessShown.Route("normal", ("revocation", "normal")));
        await door.AddAsync("account-service");
        var token = door.Issuer.UserToken("alice", "ui");
        door.Issuer.Auth.Opaque[token] = door.Issuer.Claims();
        for (var i = 0; i < 2; i++) Assert.Equal("200", await door.GetAsync("/normal/x", token).OutcomeAsync());
        Assert.Equal(1, door.Issuer.Auth.Introspections);

        door.Live.Change(("mesh:auth:url", other.Url));

        Assert.Equal("401 credential_invalid", await door.GetAsync("/normal/x", token).OutcomeAsync());
    }

    [Fact]
    public async Task Unknown_tokens_of_one_address_wait_for_each_other_and_known_ones_for_nobody()
    {
        var clock = new TestClock();
        await using var door = await AccessShown.OpenAsync(clock);
        await door.AddAsync("account-service");
        var known = door.Opaque();
        Assert.Equal("200", await door.GetAsync("/accounts/current", known).OutcomeAsync());
        var go = new TaskCompletionSource();
        door.Issuer.Auth.AnswerIntrospection = async token =>
        {
            if (token != known) await go.Task;
            return null;
        };

        var turns = door.Gateway.Services.GetServices<ICredentialCheck>().OfType<OpaqueCheck>().Single().Turns;
        var flood = Enumerable.Range(0, 32 + 128).Select(_ => door.GetAsync("/accounts/current", "sm_at_" + Entropy.Token()).OutcomeAsync()).ToArray();
        await Eventually.TrueAsync(() => door.Issuer.Auth.Introspections == 33 && turns.Waiting == 128, "32 are asked about and 128 wait");
        Assert.Equal("503 unavailable", await door.GetAsync("/accounts/current", "sm_at_" + Entropy.Token()).OutcomeAsync());
        clock.Advance(TimeSpan.FromSeconds(30)); // the known one is asked about anew, and who waits has waited enough
        Assert.Equal("200", await door.GetAsync("/accounts/current", known).OutcomeAsync());
        Assert.Equal(34, door.Issuer.Auth.Introspections);
        await Eventually.TrueAsync(() => turns.Waiting == 0, "nobody waits");

        go.SetResult();
        var outcomes = await Task.WhenAll(flood);
        Assert.Equal(32, outcomes.Count(outcome => outcome == "401 credential_invalid"));
        Assert.Equal(128, outcomes.Count(outcome => outcome == "503 unavailable"));
        Assert.Equal("401 credential_invalid", await door.GetAsync("/accounts/current", "sm_at_" + Entropy.Token()).OutcomeAsync());
    }

    [Fact]
    public async Task A_burst_of_unknown_tokens_waits_for_its_turn_and_none_is_refused()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service");
        string[] tokens = [.. Enumerable.Range(0, 150).Select(_ => door.Opaque())];

        Assert.All(await Task.WhenAll(tokens.Select(token => door.GetAsync("/accounts/current", token).OutcomeAsync())), outcome => Assert.Equal("200", outcome));
        Assert.Equal(150, door.Issuer.Auth.Introspections);
    }

    [Fact]
    public async Task Turns_are_counted_by_address_and_an_IPv6_network_is_one()
    {
        var turns = new Turns(inAll: 5, ofOneAddress: 2, TimeSpan.FromSeconds(2), new TestClock());
        var (a, b, v4, last) = (IPAddress.Parse("2001:db8::1"), IPAddress.Parse("2001:db8::ffff:2"), IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2"));
        var stop = TestContext.Current.CancellationToken;
        foreach (var address in new[] { a, b, v4, v4.MapToIPv6(), null }) Assert.True(await turns.EnterAsync(address, stop));

        // Who waits first goes first, but for those whose address has no turn left.
        var sameNetwork = turns.EnterAsync(a, stop).AsTask();
        var sameAddress = turns.EnterAsync(v4, stop).AsTask();
        var another = turns.EnterAsync(last, stop).AsTask();
        using var leaves = new CancellationTokenSource();
        var leaver = turns.EnterAsync(last, leaves.Token).AsTask();
        Assert.Equal(4, turns.Waiting);
        turns.Leave(null);
        Assert.True(await another);
        Assert.False(sameNetwork.IsCompleted || sameAddress.IsCompleted);
        await leaves.CancelAsync();
        Assert.False(await leaver);
        turns.Leave(v4);
        Assert.True(await sameAddress);
        turns.Leave(b);
        Assert.True(await sameNetwork);
        Assert.Equal(0, turns.Waiting);
    }

    [Theory]
    [InlineData("?access_token=x")]
    [InlineData("?ACCESS_TOKEN=x")]
    [InlineData("?a=b&access%5Ftoken=x")]
    [InlineData("?%61ccess_token")]
    [InlineData("?access_token=")]
    public async Task V_092_a_header_and_a_token_in_the_query_are_two_credentials(string query)
    {
        await using var door = await Door.OpenAsync();
        var account = await door.AddAsync("account-service");
        var token = door.Issuer.UserToken("alice", "ui");

        // By hand: a client of the framework writes the encoded letters out.
        var answer = await RawHttp.GetAsync(door.Url, "/accounts/current" + query, "Authorization: Bearer " + token);
        Assert.Equal(400, answer.Status);
        Assert.Contains("credential_conflict", answer.Body, StringComparison.Ordinal);
        Assert.Empty(account.Requests);
        Assert.Equal("401 credential_missing", await door.GetAsync("/accounts/current" + query).OutcomeAsync()); // alone it is none
        Assert.Equal("200", await door.GetAsync("/accounts/current?accesstoken=%20", token).OutcomeAsync());
    }

    [Fact]
    public async Task A_token_that_is_known_is_judged_by_all_that_stands_beside_it()
    {
        await using var door = await Door.OpenAsync(AccessShown.Route("opaque-only", ("credentials:0", "opaque")));
        var account = await door.AddAsync("account-service");
        var (token, opaque) = (door.Issuer.UserToken("alice", "ui"), door.Opaque());
        foreach (var shown in (string[])[token, opaque]) Assert.Equal("200", await door.GetAsync("/accounts/current", shown).OutcomeAsync());
        account.Requests.Clear();

        Assert.Equal("400 credential_conflict", await door.GetAsync("/accounts/current?access_token=x", token).OutcomeAsync());
        Assert.Equal("401 proof_invalid", await door.GetAsync("/accounts/current", token, ("DPoP", "x")).OutcomeAsync());
        Assert.Equal("401 proof_invalid", await door.GetAsAsync("/accounts/current", "DPoP " + token).OutcomeAsync());
        Assert.Equal("401 credential_not_taken", await door.GetAsync("/opaque-only/x", token).OutcomeAsync());
        foreach (var spoilt in (string[])[token + "=", " " + token, token[..^1], token + "\"", opaque + "=", opaque[..^1]])
            Assert.StartsWith("401 ", await door.GetAsync("/accounts/current", spoilt).OutcomeAsync(), StringComparison.Ordinal);
        Assert.Empty(account.Requests);
        Assert.Equal("200", await door.GetAsAsync("/accounts/current", "bEARER " + token).OutcomeAsync());
    }

    [Fact]
    public async Task Two_Authorization_headers_are_refused_whatever_they_hold()
    {
        await using var door = await Door.OpenAsync();
        var account = await door.AddAsync("account-service");
        var token = "Authorization: Bearer " + door.Issuer.UserToken("alice", "ui");

        foreach (var second in new[] { token, "Authorization: Basic ZGVtbzpkZW1v", "authorization:", "AUTHORIZATION: x" })
        {
            Assert.Equal(400, (await RawHttp.GetAsync(door.Url, "/accounts/current", token, second)).Status);
            Assert.Equal(400, (await RawHttp.GetAsync(door.Url, "/accounts/current", second, token)).Status);
        }
        Assert.NotEqual(200, (await RawHttp.GetAsync(door.Url, "/accounts/current", token + ", Basic ZGVtbzpkZW1v")).Status);
        Assert.Empty(account.Requests);
    }

    private sealed class Everybody : ICredentialCheck
    {
        private int _checks;

        public int Checks => _checks;

        public IReadOnlyList<CredentialKind> Kinds { get; } = [CredentialKind.Jwt];

        public Refusal? Fault(in Presented credential) => null;

        public Task<Verdict> CheckAsync(Presented credential, IPAddress? address, CancellationToken cancellationToken)
        {
            var number = Interlocked.Increment(ref _checks);
            var claims = System.Text.Json.JsonSerializer.SerializeToElement(new { sub = "x", client_id = "x", jti = number.ToString(System.Globalization.CultureInfo.InvariantCulture), exp = 4_102_444_800L });
            return Task.FromResult<Verdict>(Caller.Of(CredentialKind.Jwt, claims, null, TimeSpan.Zero)!);
        }
    }

    private sealed class Nothing : ITokenRevocations
    {
        public long Version => 0;

        public bool IsCurrent => true;

        public TimeSpan Silence => TimeSpan.Zero;

        public bool IsRevoked(in TokenMarks token) => false;

        public IDisposable OnChange(Action changed) => new CancellationTokenSource();
    }
}
