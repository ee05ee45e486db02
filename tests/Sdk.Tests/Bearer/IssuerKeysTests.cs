using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.Tokens;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Bearer;

public sealed class IssuerKeysTests : IAsyncDisposable
{
    private readonly TestClock _clock = new();
    private readonly List<IAsyncDisposable> _started = [];

    public async ValueTask DisposeAsync()
    {
        _started.Reverse();
        foreach (var one in _started) await one.DisposeAsync();
    }

    private async Task<TestIssuer> IssuerAsync(string url = "http://127.0.0.1:0")
    {
        var issuer = await TestIssuer.StartAsync("sample", url);
        _started.Add(issuer);
        return issuer;
    }

    private async Task<Service> ServiceAsync(string authUrl, Action<WebApplicationBuilder>? configure = null)
    {
        var service = await Service.StartAsync(app => app.MapGet("/ui", () => "in").RequireScope("ui"),
            [new("mesh:auth:url", authUrl), new("mesh:issuer", "http://localhost:8080/uaa/oauth/token")], configure, _clock);
        _started.Add(service);
        return service;
    }

    private static string Token(TestIssuer issuer, SigningKey? key = null) =>
        TestIssuer.Sign(key ?? issuer.Key, issuer.Claims(("scope", new[] { "ui" }), ("exp", DateTimeOffset.UtcNow.AddDays(30).ToUnixTimeSeconds())));

    private static async Task<int> StatusAsync(Service service, string token) => (await service.GetAsync("/ui", token)).Status;

    [Fact]
    public async Task T_17_keys_are_fetched_at_the_start_once_for_all_callers()
    {
        var issuer = await IssuerAsync();
        var service = await ServiceAsync(issuer.Url);

        var statuses = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => StatusAsync(service, Token(issuer))));

        Assert.All(statuses, status => Assert.Equal(200, status));
        Assert.Equal(1, issuer.KeyFetches);
    }

    [Fact]
    public async Task T_17_a_flood_of_unknown_kids_causes_one_fetch_in_30_seconds()
    {
        var issuer = await IssuerAsync();
        var service = await ServiceAsync(issuer.Url);
        Assert.Equal(200, await StatusAsync(service, Token(issuer)));
        var before = issuer.KeyFetches;

        async Task FloodAsync() => Assert.All(
            await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => StatusAsync(service, Token(issuer, new SigningKey())))), status => Assert.Equal(401, status));
        await FloodAsync();
        await FloodAsync();
        Assert.Equal(1, issuer.KeyFetches - before);
        _clock.Advance(TimeSpan.FromSeconds(29));
        await FloodAsync();
        Assert.Equal(1, issuer.KeyFetches - before);
        _clock.Advance(TimeSpan.FromSeconds(1));
        await FloodAsync();
        Assert.Equal(2, issuer.KeyFetches - before);
    }

    [Fact]
    public async Task T_17_a_token_of_a_new_key_is_good_at_once_and_one_of_a_withdrawn_key_no_more()
    {
        var issuer = await IssuerAsync();
        var service = await ServiceAsync(issuer.Url);
        var old = Token(issuer);
        Assert.Equal(200, await StatusAsync(service, old));

        issuer.Rotate();
        Assert.Equal(200, await StatusAsync(service, Token(issuer)));
        Assert.Equal(200, await StatusAsync(service, old));

        _clock.Advance(TimeSpan.FromSeconds(30));
        issuer.Rotate(withdrawOld: true);
        Assert.Equal(200, await StatusAsync(service, Token(issuer)));
        Assert.Equal(401, await StatusAsync(service, old));
    }

    [Fact]
    public async Task T_17_the_set_is_refreshed_in_the_background_when_its_max_age_is_over()
    {
        var issuer = await IssuerAsync();
        var service = await ServiceAsync(issuer.Url);
        var old = Token(issuer);
        Assert.Equal(200, await StatusAsync(service, old));
        issuer.Rotate(withdrawOld: true);

        await AdvanceUntilAsync(TimeSpan.FromSeconds(330), () => issuer.KeyFetches == 2);

        await Eventually(async () => await StatusAsync(service, old) == 401); // nobody asked with the new key
    }

    [Fact]
    public async Task T_17_the_last_good_set_serves_on_while_the_token_service_is_down_but_not_longer_than_a_day()
    {
        var issuer = await IssuerAsync();
        var service = await ServiceAsync(issuer.Url);
        var token = Token(issuer);
        Assert.Equal(200, await StatusAsync(service, token));
        issuer.FailWith = 500;

        _clock.Advance(TimeSpan.FromHours(23.9));
        Assert.Equal(200, await StatusAsync(service, token));
        Assert.Equal(401, await StatusAsync(service, Token(issuer, new SigningKey())));
        _clock.Advance(TimeSpan.FromHours(0.2));
        Assert.Equal(503, await StatusAsync(service, token));
        issuer.FailWith = null;
        _clock.Advance(TimeSpan.FromSeconds(2));
        await Eventually(async () => await StatusAsync(service, token) == 200);
    }

    [Fact]
    public async Task T_17_without_any_keys_the_answer_is_503_and_heals_when_the_token_service_comes()
    {
        var port = FreePort();
        var service = await ServiceAsync($"http://127.0.0.1:{port}");
        var stranger = await IssuerAsync();

        var answer = await service.GetAsync("/ui", Token(stranger));

        Assert.Equal((503, "temporarily_unavailable"), (answer.Status, answer.Error));
        Assert.Equal(1, answer.Headers.RetryAfter?.Delta?.TotalSeconds);
        Assert.Null(answer.Challenge);
        Assert.Equal(401, (await service.GetAsync("/ui")).Status);
        var health = (await service.GetAsync("/actuator/health")).Json;
        Assert.Equal("UP", health.GetProperty("status").GetString());
        Assert.Equal("UNKNOWN", health.GetProperty("components").GetProperty("keys").GetProperty("status").GetString());

        var issuer = await IssuerAsync($"http://127.0.0.1:{port}");
        await Eventually(async () =>
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            return await StatusAsync(service, Token(issuer)) == 200;
        });
    }

    [Fact]
    public async Task T_17_while_no_keys_are_to_be_had_a_flood_asks_once_a_second()
    {
        var issuer = await IssuerAsync();
        issuer.FailWith = 503;
        var service = await ServiceAsync(issuer.Url);
        Assert.Equal(503, await StatusAsync(service, Token(issuer)));
        var before = issuer.KeyFetches;

        for (var i = 0; i < 50; i++) Assert.Equal(503, await StatusAsync(service, Token(issuer)));

        Assert.Equal(before, issuer.KeyFetches);
    }

    [Fact]
    public async Task The_second_address_is_asked_when_the_first_does_not_answer()
    {
        var issuer = await IssuerAsync();
        var service = await ServiceAsync($"http://127.0.0.1:{FreePort()}/, {issuer.Url}/");

        Assert.Equal(200, await StatusAsync(service, Token(issuer)));
    }

    [Fact]
    public async Task A_token_service_that_never_answers_costs_a_caller_two_seconds_and_not_more()
    {
        var release = new TaskCompletionSource();
        await using var silent = await Service.StartAsync(app => app.MapGet("/uaa/token_keys", () => release.Task).AllowAnonymous());
        var issuer = await IssuerAsync();
        var service = await ServiceAsync(silent.Url.ToString());

        var status = await StatusAsync(service, Token(issuer)).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Equal(503, status);
        release.SetResult();
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("""{"keys":{}}""")]
    [InlineData("""{"keys":[]}""")]
    [InlineData("""{"keys":[5,null,{}]}""")]
    [InlineData("""{"keys":[],"keys":[]}""")]
    [InlineData("huge")]
    [InlineData("redirect")]
    public async Task T_17_an_answer_that_is_no_usable_key_set_leaves_the_last_good_one_in_force(string body)
    {
        var issuer = await IssuerAsync();
        var broken = false;
        await using var front = await Service.StartAsync(app => app.MapGet("/uaa/token_keys", async (HttpContext http) =>
        {
            using var client = new HttpClient();
            var good = await client.GetStringAsync(issuer.Url + "/uaa/token_keys");
            if (broken && body == "redirect") return Results.Redirect(issuer.Url + "/uaa/token_keys");
            return Results.Text(!broken ? good : body == "huge" ? good + new string(' ', 300_000) : body, "application/json");
        }).AllowAnonymous());
        var service = await ServiceAsync(front.Url.ToString());
        var token = Token(issuer);
        Assert.Equal(200, await StatusAsync(service, token));

        broken = true;
        issuer.Rotate();
        Assert.Equal(401, await StatusAsync(service, Token(issuer)));
        Assert.Equal(200, await StatusAsync(service, token));
        await service.LoggedAsync("Warning SecureMesh.Sdk.IssuerKeys No keys from the token service");
    }

    [Fact]
    public async Task The_token_service_can_bring_its_own_keys_and_then_nothing_is_fetched()
    {
        var issuer = await IssuerAsync();
        var own = new OwnKeys(issuer.Key);
        var service = await ServiceAsync(issuer.Url, builder => builder.Services.AddSingleton<IIssuerKeys>(own));

        Assert.Equal(200, await StatusAsync(service, Token(issuer)));
        Assert.Equal(401, await StatusAsync(service, Token(issuer, new SigningKey())));
        Assert.Equal(0, issuer.KeyFetches);
    }

    private sealed class OwnKeys(SigningKey key) : IIssuerKeys
    {
        public ValueTask<IssuerKey?> FindAsync(string kid, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(kid == key.Kid ? new IssuerKey(kid, "ES256", new ECDsaSecurityKey(key.EC) { KeyId = kid }) : null);
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task AdvanceUntilAsync(TimeSpan by, Func<bool> done)
    {
        await Eventually(() =>
        {
            if (done()) return Task.FromResult(true);
            _clock.Advance(by);
            return Task.FromResult(done());
        });
    }

    private static async Task Eventually(Func<Task<bool>> holds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!await holds()) await Task.Delay(10, limit.Token);
    }
}

public sealed class IssuerKeySetTests
{
    private static readonly SigningKey Good = new();

    private static (string[] Kids, int Skipped) Read(params object[] keys)
    {
        var set = IssuerKeySet.Read(JsonSerializer.SerializeToUtf8Bytes(new { keys }), out var skipped);
        return ([.. set.Keys], skipped.Count);
    }

    private static Dictionary<string, string> With(string name, string? value)
    {
        var jwk = new SigningKey().Public;
        if (value is null) jwk.Remove(name);
        else jwk[name] = value;
        return jwk;
    }

    private static Dictionary<string, string> Rsa(int bits)
    {
        using var rsa = RSA.Create(bits);
        var key = rsa.ExportParameters(false);
        return new() { ["kty"] = "RSA", ["kid"] = "rsa", ["use"] = "sig", ["n"] = Base64UrlEncoder.Encode(key.Modulus), ["e"] = Base64UrlEncoder.Encode(key.Exponent) };
    }

    public static TheoryData<string, string?> Unusable => new()
    {
        { "kid", null }, { "kid", "" }, { "kty", null }, { "kty", "oct" }, { "kty", "OKP" }, { "crv", "P-384" }, { "crv", "secp256k1" },
        { "use", "enc" }, { "alg", "HS256" }, { "alg", "ES384" }, { "alg", "RS256" }, { "alg", "none" }, { "x", null }, { "x", "AAAA" }, { "x", "not base64!" },
        { "d", "AAAA" }, { "k", "AAAA" },
    };

    [Theory]
    [MemberData(nameof(Unusable))]
    public void V_009_an_unusable_key_is_left_out_and_the_others_stay(string name, string? value) =>
        Assert.Equivalent((new[] { Good.Kid }, 1), Read(Good.Public, With(name, value)));

    [Fact]
    public void V_009_K_12_an_RSA_key_needs_2048_bits()
    {
        Assert.Equivalent((new[] { Good.Kid }, 1), Read(Good.Public, Rsa(1024)));
        Assert.Equivalent((new[] { Good.Kid, "rsa" }, 0), Read(Good.Public, Rsa(2048)));
    }

    [Fact]
    public void V_002_no_symmetric_or_private_key_ever_verifies() =>
        Assert.Equivalent((new[] { Good.Kid }, 2), Read(Good.Public, new { kty = "oct", k = "AAAA", kid = "a", alg = "HS256" }, With("d", Good.X)));

    [Fact]
    public void Of_two_keys_of_one_name_the_first_counts() => Assert.Equivalent((new[] { Good.Kid }, 1), Read(Good.Public, Good.Public));

    [Fact]
    public void V_003_a_key_without_alg_is_bound_to_the_one_of_its_type()
    {
        var jwk = Good.Public;
        jwk.Remove("alg");
        jwk.Remove("use");

        var set = IssuerKeySet.Read(JsonSerializer.SerializeToUtf8Bytes(new { keys = new[] { jwk } }), out _);

        Assert.Equal("ES256", set[Good.Kid].Algorithm);
    }
}
