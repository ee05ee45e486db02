using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.IdentityModel.Tokens;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Bearer;

/// <summary>Passports at a service (V-090): what opens it, and everything that does not.</summary>
public sealed class PassportTests : IAsyncLifetime
{
    private readonly TestClock _clock = new();
    private TestIssuer _issuer = null!;
    private Service _service = null!;

    private long Now => _clock.GetUtcNow().ToUnixTimeSeconds();

    public async ValueTask InitializeAsync()
    {
        _issuer = await TestIssuer.StartAsync("sample");
        _service = await StartAsync();
        Assert.Equal(200, (await _service.GetAsync("/ui", Valid())).Status);
    }

    private Task<Service> StartAsync(params KeyValuePair<string, string>[] settings) => Service.StartAsync(app =>
    {
        app.MapGet("/ui", () => "in").RequireScope("ui");
        app.MapGet("/who", (ClaimsPrincipal caller) => string.Join('\n', caller.Claims.Select(claim => $"{claim.Type}={claim.Value}"))).RequireAuthorization();
        app.MapGet("/name", (ClaimsPrincipal caller) => $"{caller.UserName()}|{caller.ClientId()}|{caller.Identity?.Name}|{caller.HasScope("ui")}").RequireAuthorization();
    }, [.. _issuer.Settings, .. settings], clock: _clock);

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    private Dictionary<string, object> Claims(params (string, object?)[] change) =>
        _issuer.PassportClaims("sample", [("iat", Now), ("exp", Now + 55), ("scope", new[] { "ui" }), .. change]);

    private string Valid(params (string, object?)[] change) => TestIssuer.Sign(_issuer.PassportKey, Claims(change), "passport+jwt");

    /// <summary>401, the cause in the log alone, and the next good passport still passes.</summary>
    private async Task RefusedAsync(string passport, string? cause = null, string detail = "The access token is not valid")
    {
        var answer = await _service.GetAsync("/ui", passport);

        Assert.Equal((401, "invalid_token", detail), (answer.Status, answer.Error, answer.Json.GetProperty("detail").GetString()));
        if (cause is not null) await _service.LoggedAsync("Information SecureMesh.Sdk.BearerEvents Refused with 401 invalid_token: " + cause);
        Assert.DoesNotContain(_service.Logs, line => line.Contains(passport.Split('.')[1], StringComparison.Ordinal));
        Assert.Equal(200, (await _service.GetAsync("/ui", Valid())).Status);
    }

    [Fact]
    public async Task A_passport_says_who_calls_as_an_access_token_does()
    {
        Assert.Equal("demo|browser|demo|True", (await _service.GetAsync("/name", Valid())).Body);
        Assert.Equal("|app||False", (await _service.GetAsync("/name", Valid(("user_name", null), ("user_id", null), ("sub", "app"), ("client_id", "app"), ("scope", new[] { "server" })))).Body);
    }

    [Fact]
    public async Task And_by_what_he_proved_himself_and_who_acts_for_him()
    {
        var who = (await _service.GetAsync("/who", Valid(("act", new { sub = "app", act = new { sub = "other" } }), ("credential", "api-token")))).Body.Split('\n');

        foreach (var claim in new[] { "sub=id-of-demo", "scope=ui", "client_id=browser", "mode=token", "credential=api-token", "aud=mesh://sample" }) Assert.Contains(claim, who);
        Assert.Contains("""act={"sub":"app","act":{"sub":"other"}}""", who);
    }

    [Fact]
    public async Task A_passport_with_too_little_scope_is_403()
    {
        var answer = await _service.GetAsync("/ui", Valid(("scope", new[] { "openid" })));

        Assert.Equal((403, "insufficient_scope"), (answer.Status, answer.Error));
    }

    [Theory]
    [InlineData("mesh://account-service")]
    [InlineData("mesh://gateway")]
    [InlineData("mesh://sample/")]
    [InlineData("mesh://Sample")]
    [InlineData("mesh://sampl")]
    [InlineData("")]
    [InlineData(null)]
    public async Task V_090_a_passport_made_for_another_service_is_refused(string? audience) => await RefusedAsync(Valid(("aud", audience)), "for another audience");

    [Theory]
    [InlineData("mesh://sample", "mesh://account-service")]
    [InlineData("mesh://account-service", "mesh://sample")]
    [InlineData("mesh://sample")]
    public async Task V_090_a_passport_that_lists_audiences_is_refused(params string[] audiences) => await RefusedAsync(Valid(("aud", audiences)), "a passport has one audience");

    [Fact]
    public async Task A_passport_is_never_good_by_the_audience_of_the_gateway()
    {
        await using var behindPassthrough = await StartAsync(new KeyValuePair<string, string>("mesh:acceptGatewayAudience", "true"));

        Assert.Equal(200, (await behindPassthrough.GetAsync("/ui", Valid())).Status);
        Assert.Equal(401, (await behindPassthrough.GetAsync("/ui", Valid(("aud", "mesh://gateway")))).Status);
    }

    [Fact]
    public async Task A_stolen_passport_is_dead_a_minute_after_it_was_made()
    {
        var stolen = Valid();
        _clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(200, (await _service.GetAsync("/ui", stolen)).Status);
        _clock.Advance(TimeSpan.FromSeconds(1));

        await RefusedAsync(stolen, "expired", "The access token expired");
    }

    [Theory]
    [InlineData(0, 55, 200)]
    [InlineData(0, 56, 401)]
    [InlineData(-600, 30, 401)]
    [InlineData(0, 0, 401)]
    [InlineData(0, -1, 401)]
    [InlineData(5, 60, 200)]
    [InlineData(6, 61, 401)]
    [InlineData(0, 31536000, 401)]
    public async Task A_passport_lives_for_55_seconds_at_most_and_begins_now(int issued, int expires, int status) =>
        Assert.Equal(status, (await _service.GetAsync("/ui", Valid(("iat", Now + issued), ("exp", Now + expires)))).Status);

    [Fact]
    public async Task The_lifetime_is_refused_for_what_it_is()
    {
        await RefusedAsync(Valid(("exp", Now + 56)), "a passport is good for 55 s at most");
        await RefusedAsync(Valid(("exp", null)), "no expiry");
        await RefusedAsync(Valid(("iat", null)), "a passport says when it was made");
        await RefusedAsync(Valid(("iat", Now + 6), ("exp", Now + 55)), "not valid yet");
        await RefusedAsync(Valid(("nbf", Now + 6)), "not valid yet");
    }

    [Theory]
    [InlineData("http://localhost:8080/")]
    [InlineData("http://localhost:8080/uaa/oauth/token")]
    [InlineData("https://localhost:8080")]
    [InlineData("http://LOCALHOST:8080")]
    [InlineData("http://evil.example")]
    [InlineData(null)]
    public async Task A_passport_of_another_issuer_is_refused(string? issuer) => await RefusedAsync(Valid(("iss", issuer)), "another issuer");

    [Fact]
    public async Task The_gateway_is_known_by_the_setting_with_or_without_a_final_slash()
    {
        await using var moved = await StartAsync(new KeyValuePair<string, string>("mesh:gateway:url", "https://mesh.example/"));

        Assert.Equal(200, (await moved.GetAsync("/ui", Valid(("iss", "https://mesh.example")))).Status);
        Assert.Equal(401, (await moved.GetAsync("/ui", Valid())).Status);
    }

    [Theory]
    [InlineData("")]
    [InlineData("localhost:8080")]
    [InlineData("/")]
    [InlineData("ftp://localhost")]
    public async Task An_address_of_the_gateway_that_is_none_stops_the_start_and_is_named(string url)
    {
        var failure = await Assert.ThrowsAsync<Microsoft.Extensions.Options.OptionsValidationException>(() => StartAsync(new KeyValuePair<string, string>("mesh:gateway:url", url)));

        Assert.Contains("mesh:gateway:url", failure.Message);
    }

    [Theory]
    [InlineData("at+jwt", "the issuer publishes no such key")]
    [InlineData("JWT", "typ is neither at+jwt nor passport+jwt")]
    [InlineData("PASSPORT+JWT", "typ is neither at+jwt nor passport+jwt")]
    [InlineData("application/passport+jwt", "typ is neither at+jwt nor passport+jwt")]
    [InlineData("", "typ is neither at+jwt nor passport+jwt")]
    public async Task JA_02_a_passport_says_that_it_is_one(string typ, string cause) => await RefusedAsync(TestIssuer.Sign(_issuer.PassportKey, Claims(), typ), cause);

    [Fact]
    public async Task V_124_the_issuers_key_makes_no_passport_and_the_gateways_key_no_access_token()
    {
        await RefusedAsync(TestIssuer.Sign(_issuer.Key, Claims(), "passport+jwt"), "no gateway has announced such a key");
        await RefusedAsync(TestIssuer.Sign(_issuer.PassportKey, _issuer.Claims(("scope", new[] { "ui" }), ("aud", new[] { "mesh://sample" }))), "the issuer publishes no such key");
        // Neither does the name of a key of the other kind help.
        await RefusedAsync(TestIssuer.Sign(_issuer.PassportKey, Claims(), "passport+jwt", new() { ["kid"] = _issuer.Key.Kid }));
        await RefusedAsync(TestIssuer.Sign(_issuer.Key, Claims(), "passport+jwt", new() { ["kid"] = _issuer.PassportKey.Kid }), "the signature does not verify");
    }

    [Fact]
    public async Task V_124_a_passport_must_name_the_gateway_and_an_access_token_the_issuer()
    {
        await RefusedAsync(Valid(("iss", _issuer.Issuer)), "another issuer");
        await RefusedAsync(_issuer.Token(("iss", _issuer.Gateway), ("aud", "mesh://sample"), ("scope", new[] { "ui" })), "another issuer");
    }

    [Fact]
    public async Task A_passport_of_a_key_that_nobody_announced_is_refused()
    {
        var thief = new SigningKey();

        await RefusedAsync(TestIssuer.Sign(thief, Claims(), "passport+jwt"), "no gateway has announced such a key");
        await RefusedAsync(TestIssuer.Sign(thief, Claims(), "passport+jwt", new() { ["kid"] = _issuer.PassportKey.Kid }), "the signature does not verify");
        await RefusedAsync(TestIssuer.Sign(thief, Claims(), "passport+jwt", new() { ["jwk"] = thief.Public }));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("nOnE")]
    [InlineData("")]
    [InlineData(null)]
    public async Task V_001_a_passport_that_names_no_algorithm_is_refused(string? alg)
    {
        await RefusedAsync(Unsigned(alg) + ".");
        await RefusedAsync(Unsigned(alg) + "." + Valid().Split('.')[2]);
    }

    [Fact]
    public async Task V_002_a_passport_keyed_with_any_text_of_the_public_key_is_refused()
    {
        foreach (var secret in Forge.PublicKeyTexts(_issuer.PassportKey))
        {
            foreach (var alg in new[] { "HS256", "ES256" })
            {
                var input = Unsigned(alg);
                await RefusedAsync(input + "." + Base64UrlEncoder.Encode(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(input))));
            }
        }
    }

    [Theory]
    [InlineData("RS256")]
    [InlineData("PS256")]
    [InlineData("ES384")]
    [InlineData("es256")]
    public async Task V_003_a_passport_is_signed_with_ES256_and_nothing_else(string alg) =>
        await RefusedAsync(TestIssuer.Sign(_issuer.PassportKey, Claims(), "passport+jwt", new() { ["alg"] = alg }));

    [Fact]
    public async Task V_003_an_RSA_key_among_the_passport_keys_verifies_none()
    {
        using var rsa = RSA.Create(2048);
        var key = rsa.ExportParameters(false);
        await using var auth = await Service.StartAsync(app => app.MapGet("/uaa/passport_keys", () => new
        {
            keys = new[] { new { kty = "RSA", kid = "rsa", use = "sig", n = Base64UrlEncoder.Encode(key.Modulus), e = Base64UrlEncoder.Encode(key.Exponent) } },
        }).AllowAnonymous());
        await using var service = await StartAsync(new KeyValuePair<string, string>("mesh:auth:url", auth.Url.ToString()));
        var input = Forge.Encode(new { alg = "RS256", typ = "passport+jwt", kid = "rsa" }) + "." + Forge.Encode(Claims());
        var signature = rsa.SignData(Encoding.ASCII.GetBytes(input), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

        Assert.Equal(401, (await service.GetAsync("/ui", input + "." + Base64UrlEncoder.Encode(signature))).Status);
        await service.LoggedAsync("alg is not one for this kind of token");
    }

    [Fact]
    public async Task V_005_V_006_signatures_of_zeros_and_of_another_length_are_refused()
    {
        var passport = Valid();
        var (signature, order) = (Forge.SignatureOf(passport), Convert.FromHexString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"));

        await RefusedAsync(Forge.WithSignature(passport, new byte[64]), "the signature does not verify");
        await RefusedAsync(Forge.WithSignature(passport, [0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00]));
        await RefusedAsync(Forge.WithSignature(passport, [.. order, .. order]));
        await RefusedAsync(Forge.WithSignature(passport, [.. signature[..32], .. order]));
        await RefusedAsync(Forge.WithSignature(passport, signature[..63]));
        await RefusedAsync(Forge.WithSignature(passport, [.. signature, 0]));
        await RefusedAsync(Forge.WithSignature(passport, []));
        await RefusedAsync(passport[..passport.LastIndexOf('.')]);
    }

    [Fact]
    public async Task DP_05_a_passport_bound_to_a_key_is_no_bearer_token() =>
        await RefusedAsync(Valid(("cnf", new { jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" })), "bound to a key");

    [Theory]
    [InlineData("sub")]
    [InlineData("client_id")]
    public async Task A_passport_that_names_no_caller_is_refused(string claim)
    {
        await RefusedAsync(Valid((claim, null)), "a passport names a caller and a client");
        await RefusedAsync(Valid((claim, "")), "a passport names a caller and a client");
        await RefusedAsync(Valid((claim, 5)), "a passport names a caller and a client");
    }

    [Theory]
    [InlineData("exp", "x")]
    [InlineData("exp", long.MaxValue)]
    [InlineData("exp", 1e300)]
    [InlineData("exp", -1)]
    [InlineData("iat", "x")]
    [InlineData("iat", long.MinValue)]
    [InlineData("iat", long.MaxValue)]
    [InlineData("iat", 1.5)]
    [InlineData("iat", true)]
    [InlineData("nbf", long.MaxValue)]
    [InlineData("iss", 5)]
    [InlineData("aud", 5)]
    [InlineData("aud", true)]
    public async Task Claims_of_odd_types_are_refused_and_never_500(string claim, object value) =>
        Assert.Equal(401, (await _service.GetAsync("/ui", Valid((claim, value)))).Status);

    [Theory]
    [InlineData("\"aud\":\"mesh://account-service\",", "")]
    [InlineData("", ",\"aud\":\"mesh://account-service\"")]
    [InlineData("\"scope\":[\"openid\"],", "")]
    [InlineData("\"\\u0065xp\":99999999999,", "")]
    public async Task N_10_a_passport_that_names_a_claim_twice_is_refused(string before, string after)
    {
        var parts = Valid().Split('.');
        var payload = Base64UrlEncoder.Encode("{" + before + Base64UrlEncoder.Decode(parts[1])[1..^1] + after + "}");
        var signature = _issuer.PassportKey.EC.SignData(Encoding.ASCII.GetBytes(parts[0] + "." + payload), HashAlgorithmName.SHA256);

        await RefusedAsync($"{parts[0]}.{payload}.{Base64UrlEncoder.Encode(signature)}");
    }

    [Fact]
    public async Task The_token_service_and_the_gateway_take_no_passport_and_fetch_no_keys_for_it()
    {
        var before = _issuer.PassportKeyFetches;
        await using var service = await Service.StartAsync(
            app => app.MapGet("/ui", () => "in").RequireScope("ui"), _issuer.Settings, builder => builder.RefusePassports(), _clock);

        Assert.Equal(401, (await service.GetAsync("/ui", Valid())).Status);
        Assert.Equal(200, (await service.GetAsync("/ui", _issuer.Token(("aud", "mesh://sample"), ("scope", new[] { "ui" })))).Status);
        await service.LoggedAsync("no passport is taken here");
        Assert.Equal(before, _issuer.PassportKeyFetches);
    }

    private string Unsigned(string? alg)
    {
        var header = new Dictionary<string, object> { ["typ"] = "passport+jwt", ["kid"] = _issuer.PassportKey.Kid };
        if (alg is not null) header["alg"] = alg;
        return Forge.Encode(header) + "." + Forge.Encode(Claims());
    }
}
