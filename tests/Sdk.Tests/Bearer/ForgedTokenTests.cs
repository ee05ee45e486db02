using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.Tokens;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Bearer;

public sealed class ForgedTokenTests : IAsyncLifetime
{
    private readonly TestClock _clock = new();
    private TestIssuer _issuer = null!;
    private Service _service = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await TestIssuer.StartAsync("sample");
        _service = await Service.StartAsync(app =>
        {
            app.MapGet("/ui", () => "in").RequireScope("ui");
            app.MapPost("/ui", () => "in").RequireScope("ui");
        }, _issuer.Settings, clock: _clock);
        Assert.Equal(200, (await _service.GetAsync("/ui", Valid())).Status);
    }

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    private string Valid(params (string, object?)[] change) => _issuer.Token([("scope", new[] { "ui" }), .. change]);

    /// <summary>401 <c>invalid_token</c>, the cause only in the log, the token nowhere, and the next good token still passes.</summary>
    private async Task RefusedAsync(string token, string? cause = null, string detail = "The access token is not valid")
    {
        var answer = await _service.GetAsync("/ui", token);

        Assert.Equal((401, "invalid_token"), (answer.Status, answer.Error));
        Assert.Equal(detail, answer.Json.GetProperty("detail").GetString());
        Assert.Equal($"Bearer realm=\"securemesh\", error=\"invalid_token\", error_description=\"{detail}\"", answer.Challenge);
        if (cause is not null) await _service.LoggedAsync("Information SecureMesh.Sdk.BearerEvents Refused with 401 invalid_token: " + cause);
        if (token.Length > 20) Assert.DoesNotContain(_service.Logs, line => line.Contains(token[..20], StringComparison.Ordinal));
        Assert.Equal(200, (await _service.GetAsync("/ui", Valid())).Status);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("NONE")]
    [InlineData("nOnE")]
    [InlineData("")]
    [InlineData(null)]
    public async Task V_001_a_token_that_names_no_algorithm_is_refused(string? alg)
    {
        await RefusedAsync(Forge.Unsigned(_issuer, alg));
        await RefusedAsync(Forge.Unsigned(_issuer, alg, Valid().Split('.')[2]));
    }

    [Fact]
    public async Task V_002_a_token_keyed_with_any_text_of_the_public_key_is_refused()
    {
        foreach (var secret in Forge.PublicKeyTexts(_issuer.Key))
        {
            await RefusedAsync(Forge.Hmac(_issuer, secret), "alg is neither ES256 nor RS256");
            await RefusedAsync(Forge.Hmac(_issuer, secret, "ES256"));
        }
    }

    [Theory]
    [InlineData("RS256")]
    [InlineData("ES384")]
    [InlineData("PS256")]
    [InlineData("es256")]
    public async Task V_003_the_header_cannot_choose_another_algorithm_than_the_keys(string alg) =>
        await RefusedAsync(Forge.Sign(_issuer, _issuer.Key, new() { ["alg"] = alg }));

    [Fact]
    public async Task V_004_keys_that_a_token_brings_along_are_not_looked_at()
    {
        var hits = 0;
        await using var thief = await Service.StartAsync(app => app.MapGet("/{**all}", (HttpContext _) => Interlocked.Increment(ref hits)).AllowAnonymous());
        var key = new SigningKey();
        foreach (var kid in new[] { key.Kid, _issuer.Key.Kid })
        {
            await RefusedAsync(Forge.Sign(_issuer, key, new() { ["jwk"] = key.Public, ["kid"] = kid }));
            await RefusedAsync(Forge.Sign(_issuer, key, new() { ["jku"] = new Uri(thief.Url, "uaa/token_keys"), ["kid"] = kid }));
            await RefusedAsync(Forge.Sign(_issuer, key, new() { ["x5u"] = new Uri(thief.Url, "cert"), ["kid"] = kid }));
            await RefusedAsync(Forge.Sign(_issuer, key, new() { ["x5c"] = new[] { Convert.ToBase64String(key.EC.ExportSubjectPublicKeyInfo()) }, ["kid"] = kid }));
        }

        Assert.Equal(0, hits);
    }

    [Fact]
    public async Task V_005_signatures_of_zeros_are_refused()
    {
        var token = Valid();
        var order = Convert.FromHexString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

        await RefusedAsync(Forge.WithSignature(token, new byte[64]), "the signature does not verify");
        await RefusedAsync(Forge.WithSignature(token, [0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00]));
        await RefusedAsync(Forge.WithSignature(token, [.. order, .. order]));
        await RefusedAsync(Forge.WithSignature(token, [.. Forge.SignatureOf(token)[..32], .. order]));
    }

    [Fact]
    public async Task V_006_a_signature_of_another_length_is_refused()
    {
        var token = Valid();
        var signature = Forge.SignatureOf(token);

        await RefusedAsync(Forge.WithSignature(token, signature[..63]));
        await RefusedAsync(Forge.WithSignature(token, [.. signature, 0]));
        await RefusedAsync(Forge.WithSignature(token, []));
        await RefusedAsync(token[..token.LastIndexOf('.')]);
    }

    [Fact]
    public async Task V_007_only_three_parts_of_base64url_are_a_token()
    {
        var token = Valid();
        var parts = token.Split('.');

        await RefusedAsync(token + ".", "not a compact signed token");
        await RefusedAsync("." + token);
        await RefusedAsync(token + "." + parts[2]);
        await RefusedAsync(token + "=", "not a compact signed token");
        await RefusedAsync($"{parts[0]}+/.{parts[1]}.{parts[2]}");
        await RefusedAsync($"{{\"protected\":\"{parts[0]}\",\"payload\":\"{parts[1]}\",\"signature\":\"{parts[2]}\"}}", "the Authorization header is malformed");
    }

    [Fact]
    public async Task V_008_an_encrypted_token_around_an_unsigned_one_is_refused()
    {
        var header = Forge.Encode(new { alg = "RSA-OAEP", enc = "A256GCM", typ = "at+jwt", kid = _issuer.Key.Kid });

        await RefusedAsync($"{header}.{Forge.Encode("key")}.{Forge.Encode("iv")}.{Forge.Encode("text")}.{Forge.Encode("tag")}", "not a compact signed token");
        await RefusedAsync($"{header}.{Forge.Encode("text")}.{Forge.Encode("tag")}");
    }

    [Theory]
    [InlineData("million dots")]
    [InlineData("too long")]
    [InlineData("p2c")]
    [InlineData("deep header")]
    public async Task V_010_what_would_cost_much_is_refused_before_it_costs(string kind)
    {
        var token = kind switch
        {
            "million dots" => new string('.', 15_000),
            "too long" => Valid(("padding", new string('x', 13_000))),
            "p2c" => Forge.Encode(new { alg = "PBES2-HS512+A256KW", enc = "A256GCM", p2c = int.MaxValue }) + ".a.b.c.d",
            _ => Base64UrlEncoder.Encode(new string('[', 5000)) + ".e30.e30",
        };
        await RefusedAsync(token);
        var fastest = TimeSpan.MaxValue;
        for (var i = 0; i < 10; i++)
        {
            var start = Stopwatch.GetTimestamp();
            Assert.Equal(401, (await _service.GetAsync("/ui", token)).Status);
            var elapsed = Stopwatch.GetElapsedTime(start);
            if (elapsed < fastest) fastest = elapsed;
        }

        Assert.InRange(fastest.TotalMilliseconds, 0, 10);
    }

    [Fact]
    public async Task N_03_K_14_a_token_over_16_KiB_is_refused_for_its_size()
    {
        var token = Valid(("padding", new string('x', 12_500)));
        Assert.InRange(token.Length, 16 * 1024 + 1, 18_000);

        await RefusedAsync(token, "larger than 16 KiB");
    }

    [Fact]
    public async Task V_011_a_critical_header_member_that_nobody_understands_is_refused()
    {
        await RefusedAsync(Forge.Sign(_issuer, _issuer.Key, new() { ["crit"] = new[] { "b64" }, ["b64"] = false }), "critical header members are not understood");
        await RefusedAsync(Forge.Sign(_issuer, _issuer.Key, new() { ["crit"] = Array.Empty<string>() }));
        await RefusedAsync(Forge.Sign(_issuer, _issuer.Key, new() { ["zip"] = "DEF" }));
    }

    [Theory]
    [InlineData("mesh://sample", 200)]
    [InlineData("mesh://sample/", 401)]
    [InlineData("mesh://gateway", 401)]
    [InlineData("mesh://Sample", 401)]
    [InlineData("mesh://account-service", 401)]
    [InlineData("browser", 401)]
    [InlineData("", 401)]
    public async Task V_011_aud_may_be_one_string_and_is_compared_byte_for_byte(string audience, int status)
    {
        Assert.Equal(status, (await _service.GetAsync("/ui", Valid(("aud", audience)))).Status);
        Assert.Equal(status, (await _service.GetAsync("/ui", Valid(("aud", new[] { "x", audience })))).Status);
    }

    [Theory]
    [InlineData("true", "mesh://gateway", 200)]
    [InlineData("false", "mesh://gateway", 401)]
    [InlineData("true", "mesh://account-service", 401)]
    [InlineData("true", "mesh://sample", 200)]
    [InlineData("false", "mesh://sample", 200)]
    public async Task V_090_a_token_for_the_gateway_is_good_at_a_service_only_where_a_setting_says_so(string setting, string audience, int status)
    {
        await using var service = await Service.StartAsync(
            app => app.MapGet("/ui", () => "in").RequireScope("ui"), [.. _issuer.Settings, new("mesh:acceptGatewayAudience", setting)], clock: _clock);

        Assert.Equal(status, (await service.GetAsync("/ui", Valid(("aud", new[] { "browser", audience })))).Status);
    }

    [Fact]
    public async Task N_01_a_token_without_audience_issuer_or_expiry_is_refused()
    {
        await RefusedAsync(Valid(("aud", null)), "for another audience");
        await RefusedAsync(Valid(("aud", Array.Empty<string>())), "for another audience");
        await RefusedAsync(Valid(("iss", null)), "another issuer");
        await RefusedAsync(Valid(("exp", null)), "no expiry");
    }

    [Theory]
    [InlineData("http://localhost:8080/uaa/oauth/token/")]
    [InlineData("http://localhost:8080/uaa/oauth/Token")]
    [InlineData("http://evil.example/uaa/oauth/token")]
    public async Task N_01_another_issuer_is_refused(string issuer) => await RefusedAsync(Valid(("iss", issuer)), "another issuer");

    [Theory]
    [InlineData("JWT")]
    [InlineData("jwt")]
    [InlineData("logout+jwt")]
    [InlineData("Passport+jwt")]
    [InlineData("AT+JWT")]
    [InlineData("application/at+jwt")]
    [InlineData("")]
    public async Task JA_02_an_id_token_or_any_other_kind_is_refused(string typ) =>
        await RefusedAsync(TestIssuer.Sign(_issuer.Key, _issuer.Claims(("scope", new[] { "ui" })), typ), "typ is neither at+jwt nor passport+jwt");

    [Fact]
    public async Task N_10_a_header_that_names_a_member_twice_is_refused()
    {
        var payload = Valid().Split('.')[1];
        var header = Base64UrlEncoder.Encode($$"""{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"{{_issuer.Key.Kid}}"}""");
        var signature = _issuer.Key.EC.SignData(Encoding.ASCII.GetBytes(header + "." + payload), HashAlgorithmName.SHA256);

        await RefusedAsync($"{header}.{payload}.{Base64UrlEncoder.Encode(signature)}", "the header cannot be read");
    }

    [Theory]
    [InlineData("\"scope\":[\"openid\"],", "")]
    [InlineData("", ",\"scope\":[\"openid\"]")]
    [InlineData("\"exp\":99999999999,", "")]
    [InlineData("\"\\u0073cope\":[\"openid\"],", "")]
    [InlineData("\"act\":{\"sub\":\"a\",\"sub\":\"b\"},", "")]
    public async Task N_10_a_payload_that_names_a_claim_twice_is_refused(string before, string after)
    {
        var parts = Valid().Split('.');
        var claims = Base64UrlEncoder.Decode(parts[1]);
        var payload = Base64UrlEncoder.Encode("{" + before + claims[1..^1] + after + "}");
        var signature = _issuer.Key.EC.SignData(Encoding.ASCII.GetBytes(parts[0] + "." + payload), HashAlgorithmName.SHA256);

        await RefusedAsync($"{parts[0]}.{payload}.{Base64UrlEncoder.Encode(signature)}", "a claim stands in the payload twice");
    }

    [Theory]
    [InlineData("openid ui", 200)]
    [InlineData("ui", 200)]
    [InlineData("UI", 403)]
    [InlineData("uid", 403)]
    [InlineData("openid\tui", 403)]
    public async Task Scopes_in_one_string_have_spaces_between_them(string scope, int status) =>
        Assert.Equal(status, (await _service.GetAsync("/ui", Valid(("scope", scope)))).Status);

    [Theory]
    [InlineData(200, "server", "ui")]
    [InlineData(403, "ui server")]
    [InlineData(403, "openid", "ui server")]
    [InlineData(403, "ui ")]
    [InlineData(403, " ui")]
    public async Task An_element_of_a_list_of_scopes_is_one_scope_whatever_stands_in_it(int status, params string[] scopes) =>
        Assert.Equal(status, (await _service.GetAsync("/ui", Valid(("scope", scopes)))).Status);

    [Fact]
    public async Task N_01_a_token_without_a_kid_or_with_an_unknown_one_is_refused()
    {
        await RefusedAsync(Forge.Sign(_issuer, _issuer.Key, new() { ["kid"] = "" }), "no kid");
        await RefusedAsync(Forge.Sign(_issuer, _issuer.Key, new() { ["kid"] = "../../etc/passwd" }), "the issuer publishes no such key");
        await RefusedAsync(Forge.Sign(_issuer, _issuer.Key, new() { ["kid"] = new string('k', 5000) }), "no kid");
    }

    [Fact]
    public async Task A_token_signed_by_another_key_is_refused() => await RefusedAsync(Forge.Sign(_issuer, new SigningKey(), new() { ["kid"] = _issuer.Key.Kid }), "the signature does not verify");

    [Fact]
    public async Task A_changed_payload_is_refused()
    {
        var parts = Valid(("scope", new[] { "openid" })).Split('.');

        await RefusedAsync($"{parts[0]}.{Valid().Split('.')[1]}.{parts[2]}", "the signature does not verify");
    }

    [Fact]
    public async Task K_08_a_token_is_good_for_30_seconds_after_its_end_and_then_told_to_be_expired()
    {
        var now = _clock.GetUtcNow().ToUnixTimeSeconds();
        _clock.Advance(DateTimeOffset.FromUnixTimeSeconds(now + 1) - _clock.GetUtcNow());
        var token = Valid(("exp", now + 1));

        _clock.Advance(TimeSpan.FromSeconds(29.9));
        Assert.Equal(200, (await _service.GetAsync("/ui", token)).Status);
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        await RefusedAsync(token, "expired", "The access token expired");
    }

    [Fact]
    public async Task K_08_a_token_is_not_good_more_than_30_seconds_before_its_begin()
    {
        var now = _clock.GetUtcNow().ToUnixTimeSeconds();

        Assert.Equal(200, (await _service.GetAsync("/ui", Valid(("nbf", now + 29)))).Status);
        await RefusedAsync(Valid(("nbf", now + 32)), "not valid yet");
    }

    [Fact]
    public async Task V_011_expired_is_said_only_when_nothing_else_is_wrong()
    {
        var past = _clock.GetUtcNow().ToUnixTimeSeconds() - 100;

        await RefusedAsync(Valid(("exp", past), ("iss", "other")));
        await RefusedAsync(Valid(("exp", past), ("aud", "other")));
        await RefusedAsync(TestIssuer.Sign(new SigningKey(), _issuer.Claims(("exp", past)), header: new() { ["kid"] = _issuer.Key.Kid }));
        await RefusedAsync(Valid(("exp", past)), "expired", "The access token expired");
    }

    [Theory]
    [InlineData("exp", "tomorrow")]
    [InlineData("exp", -1L)]
    [InlineData("exp", long.MaxValue)]
    [InlineData("exp", 1e300)]
    [InlineData("exp", true)]
    [InlineData("nbf", long.MaxValue)]
    [InlineData("iss", 5)]
    [InlineData("aud", 5)]
    [InlineData("scope", 5)]
    [InlineData("scope", null)]
    public async Task Claims_of_odd_types_are_refused_and_never_500(string claim, object? value)
    {
        var answer = await _service.GetAsync("/ui", Valid((claim, value)));

        Assert.Contains(answer.Status, new[] { 200, 401, 403 });
        if (claim != "exp") Assert.NotEqual(200, answer.Status);
    }

    [Theory]
    [InlineData("aud", 5, "aud is neither a text nor a list of texts")]
    [InlineData("iss", 5, "iss is no text")]
    [InlineData("exp", "tomorrow", "exp is no number of seconds")]
    [InlineData("iat", "x", "iat is no number of seconds")]
    public async Task A_claim_of_another_type_is_named(string claim, object value, string cause) => await RefusedAsync(Valid((claim, value)), cause);

    [Fact]
    public async Task DP_05_a_token_bound_to_a_key_is_no_bearer_token() =>
        await RefusedAsync(Valid(("cnf", new { jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" })), "bound to a key");

    [Theory]
    [InlineData("Bearer\t{0}")]
    [InlineData("Bearer  {0}")]
    [InlineData("Bearer {0} x")]
    [InlineData("Bearer {0}, Bearer {0}")]
    [InlineData("Bearer {0},{0}")]
    [InlineData("Bearer")]
    [InlineData("Bearer ")]
    [InlineData("Bearer,{0}")]
    [InlineData("Bearer:{0}")]
    [InlineData("Bearer=\"{0}\"")]
    public async Task V_082_X_08_only_the_scheme_one_space_and_one_token_are_a_bearer_header(string header)
    {
        var answer = await RawHttp.GetAsync(_service.Url, "/ui", "Authorization: " + string.Format(null, header, Valid()));

        Assert.Equal(401, answer.Status);
        Assert.Contains("error=\"invalid_token\"", answer.Head);
    }

    [Theory]
    [InlineData("{0}")]
    [InlineData("Basic YTpi")]
    [InlineData("Bearerer {0}")]
    [InlineData("DPoP {0}")]
    [InlineData("Token {0}")]
    public async Task Another_scheme_is_no_token_at_all(string header)
    {
        var answer = await RawHttp.GetAsync(_service.Url, "/ui", "Authorization: " + string.Format(null, header, Valid()));

        Assert.Equal(401, answer.Status);
        Assert.Contains("WWW-Authenticate: Bearer realm=\"securemesh\"\r\n", answer.Head + "\r\n");
    }

    [Fact]
    public async Task X_08_two_Authorization_headers_are_400_even_when_both_are_good()
    {
        var answer = await RawHttp.GetAsync(_service.Url, "/ui", "Authorization: Bearer " + Valid(), "Authorization: Bearer " + Valid());

        Assert.Equal(400, answer.Status);
        Assert.Contains("\"error\":\"invalid_request\"", answer.Body);
    }

    [Fact]
    public async Task X_08_the_scheme_name_compares_without_case() =>
        Assert.Equal(200, (await _service.SendAsync(HttpMethod.Get, "/ui", "bEARER " + Valid())).Status);

    [Fact]
    public async Task A_token_in_the_query_or_a_form_is_not_looked_at()
    {
        Assert.Equal("unauthorized", (await _service.GetAsync("/ui?access_token=" + Valid())).Error);
        using var form = new FormUrlEncodedContent([new("access_token", Valid())]);
        Assert.Equal("unauthorized", (await _service.SendAsync(HttpMethod.Post, "/ui", null, form)).Error);
    }

    [Fact]
    public async Task V_105_a_token_that_cannot_be_read_is_not_written_to_the_log_at_any_level()
    {
        const string marked = "marker1marker2marker3";
        foreach (var token in new[] { marked, marked + ".e30.e30", $"e30.{marked}.e30", $"{Valid().Split('.')[0]}.{marked}.e30", $"{Valid().Split('.')[0]}.e30.{marked}" })
            await RefusedAsync(token);

        Assert.DoesNotContain(_service.Logs, line => line.Contains(marked, StringComparison.Ordinal));
    }

    [Fact]
    public async Task N_09_a_part_that_is_not_canonical_base64url_is_refused()
    {
        var token = Valid();
        const string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

        await RefusedAsync(token[..^1] + alphabet[alphabet.IndexOf(token[^1], StringComparison.Ordinal) + 1], "not a compact signed token");
    }

    [Fact]
    public async Task Random_tokens_are_401_and_never_500()
    {
        var valid = Valid();
        var chance = new Random(7);
        for (var i = 0; i < 300; i++)
        {
            var token = valid.ToCharArray();
            for (var n = 0; n <= chance.Next(3); n++) token[chance.Next(token.Length)] = (char)chance.Next(33, 127);
            if (new string(token) != valid) Assert.Equal(401, (await _service.GetAsync("/ui", new string(token))).Status);
        }
    }
}
