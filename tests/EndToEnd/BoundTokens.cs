using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace SecureMesh.EndToEnd;

/// <summary>A client that knows nothing but the address it wants to call, and one key: it finds out the rest, and its token is good with that key alone.</summary>
public sealed partial class BoundTokens : IAsyncLifetime
{
    private readonly RunningMesh _mesh = new();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public async ValueTask InitializeAsync() => await _mesh.StartAsync();

    public async ValueTask DisposeAsync()
    {
        _key.Dispose();
        await _mesh.DisposeAsync();
    }

    [Fact]
    public async Task M_04_DP_06_from_the_refusal_to_the_metadata_to_a_bound_token_to_the_service()
    {
        var address = new Uri(_mesh.Url, "/accounts/current").ToString();

        // 1. The refusal says where the metadata are, these who issues tokens, and he where.
        var challenge = (await _mesh.GetAsync(address)).Expect(401).Header("WWW-Authenticate")!;
        var metadata = (await _mesh.GetAsync(Metadata().Match(challenge).Groups[1].Value)).Expect(200);
        Assert.Equal(address, metadata.Text("resource"));
        Assert.Contains("ES256", metadata.Json.GetProperty("dpop_signing_alg_values_supported").EnumerateArray().Select(alg => alg.GetString()));
        var issuer = metadata.Json.GetProperty("authorization_servers")[0].GetString()!;
        var discovery = (await _mesh.GetAsync(issuer + "/.well-known/openid-configuration")).Expect(200);
        Assert.Equal(issuer, discovery.Text("issuer"));
        var endpoint = discovery.Text("token_endpoint");

        // 2. A token for that address and this key.
        var tokens = (await _mesh.SendAsync(HttpMethod.Post, endpoint, null,
            new FormUrlEncodedContent([new("grant_type", "password"), new("username", "demo"), new("password", "demo"), new("scope", "ui"), new("client_id", "browser"), new("client_secret", ""), new("resource", address)]),
            ("DPoP", Proof("POST", endpoint)))).Expect(200);
        Assert.Equal("DPoP", tokens.Text("token_type"));
        var token = tokens.Text("access_token");

        // 3. It opens the door with the key, once for each proof, and to nobody who has the token alone.
        var proof = Proof("GET", address, token);
        Assert.Equal("demo", (await ShowAsync(address, token, proof)).Expect(200).Text("name"));
        Assert.Equal("proof_invalid", (await ShowAsync(address, token, proof)).Expect(401).Text("reason"));
        Assert.Equal("proof_invalid", (await _mesh.GetAsync(address, token)).Expect(401).Text("reason"));
        Assert.Equal("proof_invalid", (await ShowAsync(address, token, Proof("PUT", address, token))).Expect(401).Text("reason"));
        using var thief = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Equal("proof_invalid", (await ShowAsync(address, token, Proof("GET", address, token, thief))).Expect(401).Text("reason"));
        (await _mesh.GetAsync($"http://127.0.0.1:{_mesh.AccountPort}/accounts/current", token)).Expect(401);
        Assert.Equal("demo", (await ShowAsync(address, token, Proof("GET", address, token))).Expect(200).Text("name"));
    }

    private Task<Answer> ShowAsync(string address, string token, string proof) => _mesh.GetAsync(address, null, ("Authorization", "DPoP " + token), ("DPoP", proof));

    private string Proof(string method, string url, string? token = null, ECDsa? key = null)
    {
        key ??= _key;
        var point = key.ExportParameters(false).Q;
        var header = JsonSerializer.SerializeToUtf8Bytes(new { typ = "dpop+jwt", alg = "ES256", jwk = new { kty = "EC", crv = "P-256", x = Base64Url.EncodeToString(point.X), y = Base64Url.EncodeToString(point.Y) } });
        var claims = new Dictionary<string, object> { ["jti"] = Guid.NewGuid().ToString(), ["htm"] = method, ["htu"] = url, ["iat"] = DateTimeOffset.UtcNow.ToUnixTimeSeconds() };
        if (token is not null) claims["ath"] = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(token)));
        var input = Base64Url.EncodeToString(header) + "." + Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(claims));
        return input + "." + Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(input), HashAlgorithmName.SHA256));
    }

    [GeneratedRegex("resource_metadata=\"([^\"]+)\"")]
    private static partial Regex Metadata();
}
