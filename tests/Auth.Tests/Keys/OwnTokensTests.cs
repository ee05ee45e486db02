using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Keys;

namespace SecureMesh.Auth.Tests.Keys;

/// <summary>What has been forged elsewhere, tried on the one check of our own tokens, at an endpoint that takes any of them.</summary>
public sealed class OwnTokensTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("NONE")]
    [InlineData("nOnE")]
    [InlineData("")]
    public async Task V_001_unsigned_tokens_are_refused(string alg)
    {
        var good = (await auth.SignInAsync()).AccessToken;
        var (header, payload, signature) = Parts(good);
        header["alg"] = alg;

        await RefusedAsync(Join(header, payload, ""));
        await RefusedAsync(Join(header, payload, "AA"));
        await RefusedAsync(Join(header, payload, signature));
        header.Remove("alg");
        await RefusedAsync(Join(header, payload, signature));
    }

    [Fact]
    public async Task V_002_public_keys_are_no_shared_secrets()
    {
        var good = (await auth.SignInAsync()).AccessToken;
        foreach (var jwk in (await auth.GetAsync("uaa/token_keys")).Json.GetProperty("keys").EnumerateArray())
        {
            var pem = jwk.GetProperty("value").GetString()!;
            byte[][] secrets =
            [
                Encoding.UTF8.GetBytes(pem), Encoding.UTF8.GetBytes(pem.Trim()), Encoding.UTF8.GetBytes(" " + pem), Encoding.UTF8.GetBytes(pem + "\n"),
                Encoding.UTF8.GetBytes(jwk.GetRawText()), Convert.FromBase64String(string.Concat(pem.Split('\n')[1..^1])),
                Base64Url.DecodeFromChars(jwk.GetProperty(jwk.TryGetProperty("n", out _) ? "n" : "x").GetString()), Encoding.UTF8.GetBytes("account-secret"), [],
            ];
            foreach (var secret in secrets)
            {
                var (header, payload, _) = Parts(good);
                header["alg"] = "HS256";
                header["kid"] = jwk.GetProperty("kid").GetString();
                await RefusedAsync(Join(header, payload, Base64Url.EncodeToString(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(Join(header, payload, "")[..^1])))));
            }
        }
    }

    [Fact]
    public async Task V_003_the_algorithm_is_that_of_the_key_and_not_that_of_the_header()
    {
        var (header, payload, signature) = Parts((await auth.SignInAsync()).AccessToken);
        var rsa = (await auth.GetAsync("uaa/token_keys")).Json.GetProperty("keys").EnumerateArray().Single(key => key.GetProperty("kty").GetString() == "RSA");
        foreach (var alg in new[] { "ES384", "ES512", "RS256", "PS256", "es256", "ES256K", "EdDSA" })
        {
            header["alg"] = alg;
            await RefusedAsync(Join(header, payload, signature));
        }
        header["kid"] = rsa.GetProperty("kid").GetString();
        foreach (var alg in new[] { "RS256", "PS256", "ES256" })
        {
            header["alg"] = alg;
            await RefusedAsync(Join(header, payload, signature));
        }
    }

    [Fact]
    public async Task V_004_keys_in_the_header_are_ignored_and_no_address_in_it_is_asked()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/keys";
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var q = own.ExportParameters(false).Q;
        var jwk = new JsonObject { ["kty"] = "EC", ["crv"] = "P-256", ["x"] = Base64Url.EncodeToString(q.X), ["y"] = Base64Url.EncodeToString(q.Y), ["kid"] = "mine" };
        var (header, payload, _) = Parts((await auth.SignInAsync()).AccessToken);
        header["jwk"] = jwk;
        header["jku"] = address;
        header["x5u"] = address;
        header["x5c"] = new JsonArray("MIIB");
        foreach (var kid in new[] { header["kid"]!.GetValue<string>(), "mine", address, "../../key", "' OR '1'='1" })
        {
            header["kid"] = kid;
            var signed = Join(header, payload, "")[..^1];
            await RefusedAsync(signed + "." + Base64Url.EncodeToString(own.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256)));
        }
        Assert.False(listener.Pending());
    }

    [Fact]
    public async Task V_005_signatures_of_zeros_and_of_the_order_are_refused()
    {
        var (header, payload, _) = Parts((await auth.SignInAsync()).AccessToken);
        var order = Convert.FromHexString("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
        byte[][] signatures =
        [
            new byte[64], [.. order, .. order], [.. order, .. new byte[32]], [.. new byte[32], .. order], [.. new byte[31], 1, .. order], [0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00],
        ];
        foreach (var signature in signatures) await RefusedAsync(Join(header, payload, Base64Url.EncodeToString(signature)));
    }

    [Theory]
    [InlineData("ES256")]
    [InlineData("RS256")]
    public async Task V_006_cut_and_padded_signatures_are_refused(string alg)
    {
        var token = Forge(alg);
        Assert.True((await VerifyAsync(token)).IsSuccess);
        var (header, payload, text) = Parts(token);
        var signature = Base64Url.DecodeFromChars(text);

        foreach (var other in new[] { signature[..^1], signature[1..], signature[..0], [.. signature, 0], [0, .. signature], new byte[signature.Length] })
            Assert.False((await VerifyAsync(Join(header, payload, Base64Url.EncodeToString(other)))).IsSuccess);
    }

    [Fact]
    public async Task V_007_V_011_N_09_only_three_canonical_parts_are_a_token()
    {
        var good = Forge("ES256");
        var parts = good.Split('.');
        var json = $$"""{"payload":"{{parts[1]}}","protected":"{{parts[0]}}","signature":"{{parts[2]}}"}""";
        var last = good[^1];
        var sibling = "AQgw".Contains(last, StringComparison.Ordinal) ? (char)(last + 1) : throw new InvalidOperationException("64 bytes end in one of four characters");
        foreach (var bad in new[]
        {
            json, good + ".", "." + good, good + "." + parts[2], parts[0] + ".." + parts[2], " " + good, good + " ", good + "\n", good + "=", good + "==", good.Replace('.', ' '),
            parts[0] + "." + parts[1], parts[1], "", ".", "..", good[..^1] + sibling, good.Replace("-", "+", StringComparison.Ordinal).Replace("_", "/", StringComparison.Ordinal) + "/",
        })
            Assert.False((await VerifyAsync(bad)).IsSuccess, bad);
    }

    [Fact]
    public async Task V_008_V_010_encrypted_compressed_and_huge_tokens_are_refused_at_once()
    {
        var (header, payload, signature) = Parts(Forge("ES256"));
        Assert.True((await VerifyAsync(Resign(header, payload))).IsSuccess);
        foreach (var member in new[] { "zip", "enc", "b64", "crit" })
        {
            var other = JsonNode.Parse(header.ToJsonString())!.AsObject();
            other[member] = member == "crit" ? new JsonArray("exp") : member == "b64" ? false : "DEF";
            Assert.Matches("^(critical|compressed)", (await VerifyAsync(Resign(other, payload))).Error);
        }
        var jwe = JsonNode.Parse("""{"alg":"RSA-OAEP","enc":"A256GCM","typ":"at+jwt","p2c":2147483648}""")!.AsObject();
        jwe["kid"] = header["kid"]!.GetValue<string>();
        await RefusedAsync(Join(jwe, payload, signature) + ".AAAA.AAAA");
        await RefusedAsync(Join(jwe, payload, signature));

        // By the length alone: nothing of them is taken apart.
        foreach (var huge in new[] { new string('A', 1 << 20), new string('.', 1 << 20), "A." + new string('A', 1 << 20) + ".A" })
            Assert.Equal("longer than any token", (await VerifyAsync(huge)).Error);
    }

    [Fact]
    public async Task N_10_members_that_stand_twice_are_refused()
    {
        var payload = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(Forge("ES256").Split('.')[1]));
        Assert.True((await VerifyAsync(Signer.Sign("at+jwt", "ES256", Encoding.UTF8.GetBytes(payload)))).IsSuccess);
        Assert.Equal("header or claims cannot be read", (await VerifyAsync(Signer.Sign("at+jwt", "ES256", Encoding.UTF8.GetBytes(payload.Insert(1, "\"sub\":\"x\",\"sub\":\"y\","))))).Error);
    }

    [Theory]
    [InlineData("JWT")]
    [InlineData("at+JWT")]
    [InlineData("application/at+jwt")]
    [InlineData("logout+jwt")]
    [InlineData("dpop+jwt")]
    public async Task V_124_each_kind_of_token_is_good_as_its_own_kind_alone(string typ)
    {
        var token = Signer.Sign(typ, "ES256", Base64Url.DecodeFromChars(Forge("ES256").Split('.')[1]));

        Assert.Equal("another typ", (await VerifyAsync(token)).Error);
        Assert.True((await Tokens.VerifyAsync(token, typ, cancellationToken: Cancel)).IsSuccess);
    }

    [Fact]
    public async Task T_19_V_011_times_count_by_the_injected_clock_and_none_hides_a_bad_signature()
    {
        var now = auth.Clock.GetUtcNow().ToUnixTimeSeconds();
        Assert.Equal("expired", (await VerifyAsync(Forge("ES256", ("exp", now)))).Error);
        Assert.True((await VerifyAsync(Forge("ES256", ("exp", now + 1)))).IsSuccess);
        Assert.True((await Tokens.VerifyAsync(Forge("ES256", ("exp", now - 86400)), "at+jwt", evenExpired: true, Cancel)).IsSuccess);
        Assert.Equal("not good yet", (await VerifyAsync(Forge("ES256", ("nbf", now + 1)))).Error);
        Assert.Equal("not good yet", (await VerifyAsync(Forge("ES256", ("nbf", "soon")))).Error);
        Assert.Equal("no exp", (await VerifyAsync(Forge("ES256", ("exp", "later")))).Error);
        Assert.Equal("another issuer", (await VerifyAsync(Forge("ES256", ("iss", "http://localhost:8080/uaa/oauth/token/")))).Error);
        var (header, payload, _) = Parts(Forge("ES256", ("exp", now - 1)));
        Assert.Equal("bad signature", (await VerifyAsync(Join(header, payload, Base64Url.EncodeToString(new byte[64])))).Error);
    }

    private TokenSigner Signer => auth.Services.GetRequiredService<TokenSigner>();

    private OwnTokens Tokens => auth.Services.GetRequiredService<OwnTokens>();

    private Task<SecureMesh.Auth.Protocol.Result<JsonElement, string>> VerifyAsync(string token) => Tokens.VerifyAsync(token, "at+jwt", cancellationToken: Cancel);

    private string Forge(string alg, params (string Name, object Value)[] claims)
    {
        var payload = new Dictionary<string, object> { ["iss"] = "http://localhost:8080/uaa/oauth/token", ["exp"] = auth.Clock.GetUtcNow().ToUnixTimeSeconds() + 600, ["sub"] = "s" };
        foreach (var (name, value) in claims) payload[name] = value;
        return Signer.Sign("at+jwt", alg, JsonSerializer.SerializeToUtf8Bytes(payload));
    }

    // Signed by the service's own key over a header that the service would never write.
    private string Resign(JsonObject header, string payload)
    {
        var key = auth.Services.GetRequiredService<KeyRing>().Active("ES256");
        var signed = Join(header, payload, "")[..^1];
        var signature = new byte[64];
        key.Sign(Encoding.ASCII.GetBytes(signed), signature);
        return signed + "." + Base64Url.EncodeToString(signature);
    }

    private async Task RefusedAsync(string token)
    {
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", token)).Status);
        var answer = await auth.PostAsync("uaa/introspect", "account-service:account-secret", ("token", token));
        Assert.Equal("""{"active":false}""", answer.Body);
    }

    private static (JsonObject Header, string Payload, string Signature) Parts(string token)
    {
        var parts = token.Split('.');
        return (JsonNode.Parse(Base64Url.DecodeFromChars(parts[0]))!.AsObject(), parts[1], parts[2]);
    }

    private static string Join(JsonObject header, string payload, string signature) =>
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header.ToJsonString())) + "." + payload + "." + signature;
}
