using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;
using SecureMesh.Gateway.Access.Dpop;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Tokens that are bound to a key, shown with proofs of it (RFC 9449).</summary>
public sealed class AccessDpopTests
{
    private const string Url = "https://mesh.example/accounts/current";
    private readonly TestClock _clock = new(DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds()));
    private readonly SigningKey _key = new();

    private async Task<(Door Door, Backend Account)> OpenAsync(params (string, string)[] settings)
    {
        var door = await AccessShown.OpenAsync(_clock, [("gateway:url", "https://mesh.example/")], settings);
        return (door, await door.AddAsync("account-service"));
    }

    private string Bound(Door door) => door.Issuer.Token(
        ("sub", "id-of-alice"), ("user_id", "id-of-alice"), ("scope", new[] { "ui" }), ("cnf", new Dictionary<string, object> { ["jkt"] = _key.Kid }));

    private Dictionary<string, object> Claims(string token) => new()
    {
        ["jti"] = Guid.NewGuid().ToString(),
        ["htm"] = "GET",
        ["htu"] = Url,
        ["iat"] = _clock.GetUtcNow().ToUnixTimeSeconds(),
        ["ath"] = Base64UrlEncoder.Encode(SHA256.HashData(Encoding.ASCII.GetBytes(token))),
    };

    private string Proof(string token, Action<Dictionary<string, object>>? claims = null, Action<Dictionary<string, object>>? header = null, SigningKey? signer = null)
    {
        var body = Claims(token);
        claims?.Invoke(body);
        var head = new Dictionary<string, object> { ["alg"] = "ES256", ["typ"] = "dpop+jwt", ["jwk"] = Public(_key) };
        header?.Invoke(head);
        var input = Base64UrlEncoder.Encode(JsonSerializer.SerializeToUtf8Bytes(head)) + "." + Base64UrlEncoder.Encode(JsonSerializer.SerializeToUtf8Bytes(body));
        var signature = (signer ?? _key).EC.SignData(Encoding.ASCII.GetBytes(input), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return input + "." + Base64UrlEncoder.Encode(signature);
    }

    private static Dictionary<string, object> Public(SigningKey key) => new() { ["kty"] = "EC", ["crv"] = "P-256", ["x"] = key.X, ["y"] = key.Y };

    private static Task<string> TryAsync(Door door, string token, params string[] proofs) =>
        door.GetAsAsync("/accounts/current", "DPoP " + token, [.. proofs.Select(proof => ("DPoP", proof))]).OutcomeAsync();

    [Fact]
    public async Task DP_06_a_good_proof_opens_and_neither_it_nor_the_token_reaches_the_service()
    {
        var (door, account) = await OpenAsync(("gateway:routes:accounts:headers:0", "DPoP-Extra"));
        await using var _ = door;
        var token = Bound(door);

        for (var i = 0; i < 3; i++) Assert.Equal("200", await TryAsync(door, token, Proof(token)));
        Assert.Equal("401 proof_invalid", await door.GetAsync("/accounts/current", token).OutcomeAsync()); // known, and still no bearer token

        Assert.Equal("jwt", account.Passport().GetProperty("credential").GetString());
        Assert.DoesNotContain("DPoP", account.Last.Headers);
        Assert.DoesNotContain(token, account.Last.Headers["Authorization"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("DPoP")]
    [InlineData("dPoP")]
    [InlineData("DPOP")]
    public async Task F2_11_F2_19_neither_the_case_of_the_scheme_nor_that_of_the_header_matters(string spelling)
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var token = Bound(door);

        Assert.Equal("200", await door.GetAsAsync("/accounts/current", $"{spelling} {token}", (spelling.ToUpperInvariant(), Proof(token))).OutcomeAsync());
    }

    [Theory]
    [InlineData("https://mesh.example/accounts/current")]
    [InlineData("https://mesh.example/accounts/current?full=1#top")]
    [InlineData("HTTPS://MESH.example:443/accounts/current")]
    public async Task F2_19_htu_is_compared_as_a_URL_without_query_and_fragment(string htu)
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var token = Bound(door);

        Assert.Equal("200", await door.GetAsAsync("/accounts/current?full=1", "DPoP " + token, ("DPoP", Proof(token, claims => claims["htu"] = htu))).OutcomeAsync());
    }

    [Fact]
    public async Task F2_12_F2_19_further_claims_and_header_members_are_tolerated()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var token = Bound(door);

        Assert.Equal("200", await TryAsync(door, token, Proof(token, claims => (claims["nbf"], claims["exp"], claims["x"]) = (1, 2, "y"), header => header["kid"] = "any")));
    }

    public static TheoryData<string> Negatives =>
    [
        "not a JWT", "no typ", "another typ", "no alg", "none", "RS256", "no jwk", "private jwk", "symmetric jwk", "no jti", "no htm", "another htm", "no htu", "another path", "another host",
        "another scheme", "another port", "user in htu", "no iat", "iat an hour ago", "iat in an hour", "iat text", "no ath", "another ath", "bad signature", "another key", "crit", "two jti",
    ];

    [Theory]
    [MemberData(nameof(Negatives))]
    public async Task DP_01_F2_18_a_proof_with_a_fault_is_401_with_a_challenge(string fault)
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;
        var token = Bound(door);
        var other = new SigningKey();
        var now = _clock.GetUtcNow().ToUnixTimeSeconds();
        var proof = fault switch
        {
            "not a JWT" => "proof",
            "no typ" => Proof(token, header: header => header.Remove("typ")),
            "another typ" => Proof(token, header: header => header["typ"] = "JWT"),
            "no alg" => Proof(token, header: header => header.Remove("alg")),
            "none" => Proof(token, header: header => header["alg"] = "none"),
            "RS256" => Proof(token, header: header => header["alg"] = "RS256"),
            "no jwk" => Proof(token, header: header => header.Remove("jwk")),
            "private jwk" => Proof(token, header: header => header["jwk"] = new Dictionary<string, object>(Public(_key)) { ["d"] = Base64UrlEncoder.Encode(_key.EC.ExportParameters(true).D) }),
            "symmetric jwk" => Proof(token, header: header => header["jwk"] = new { kty = "oct", k = "AAAA" }),
            "no jti" => Proof(token, claims => claims.Remove("jti")),
            "no htm" => Proof(token, claims => claims.Remove("htm")),
            "another htm" => Proof(token, claims => claims["htm"] = "POST"),
            "no htu" => Proof(token, claims => claims.Remove("htu")),
            "another path" => Proof(token, claims => claims["htu"] = "https://mesh.example/accounts/Current"),
            "another host" => Proof(token, claims => claims["htu"] = "https://other.example/accounts/current"),
            "another scheme" => Proof(token, claims => claims["htu"] = "http://mesh.example/accounts/current"),
            "another port" => Proof(token, claims => claims["htu"] = "https://mesh.example:8443/accounts/current"),
            "user in htu" => Proof(token, claims => claims["htu"] = "https://a@mesh.example/accounts/current"),
            "no iat" => Proof(token, claims => claims.Remove("iat")),
            "iat an hour ago" => Proof(token, claims => claims["iat"] = now - 3600),
            "iat in an hour" => Proof(token, claims => claims["iat"] = now + 3600),
            "iat text" => Proof(token, claims => claims["iat"] = "now"),
            "no ath" => Proof(token, claims => claims.Remove("ath")),
            "another ath" => Proof(token, claims => claims["ath"] = Base64UrlEncoder.Encode(SHA256.HashData("x"u8))),
            "bad signature" => Proof(token, signer: other),
            "another key" => Proof(token, header: header => header["jwk"] = Public(other), signer: other),
            "crit" => Proof(token, header: header => header["crit"] = new[] { "x" }),
            _ => Twice(Proof(token)),
        };

        using var answer = await door.GetAsAsync("/accounts/current", "DPoP " + token, ("DPoP", proof));

        await AccessTests.AssertProblem(answer, 401, "invalid_token");
        Assert.StartsWith("DPoP realm=\"securemesh\", algs=\"ES256 PS256\", error=\"invalid_token\"", AccessShown.Challenge(answer), StringComparison.Ordinal);
        Assert.Empty(account.Requests);
        Assert.Equal("200", await TryAsync(door, token, Proof(token))); // so it was that fault and no other
    }

    private string Twice(string proof)
    {
        var body = Encoding.UTF8.GetString(Base64UrlEncoder.DecodeBytes(proof.Split('.')[1]));
        var input = proof.Split('.')[0] + "." + Base64UrlEncoder.Encode(body[..^1] + ",\"jti\":\"second\"}");
        return input + "." + Base64UrlEncoder.Encode(_key.EC.SignData(Encoding.ASCII.GetBytes(input), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));
    }

    [Theory]
    [InlineData(-60, "200")]
    [InlineData(-61, "401 proof_invalid")]
    [InlineData(-10, "200")]
    [InlineData(10, "200")]
    [InlineData(30, "200")]
    [InlineData(32, "401 proof_invalid")]
    public async Task K_10_F2_13_iat_may_lie_60_seconds_back_and_30_ahead(int offset, string outcome)
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var token = Bound(door);

        Assert.Equal(outcome, await TryAsync(door, token, Proof(token, claims => claims["iat"] = _clock.GetUtcNow().ToUnixTimeSeconds() + offset)));
    }

    [Fact]
    public async Task DP_01_a_proof_is_good_once()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var token = Bound(door);
        var proof = Proof(token);

        Assert.Equal("200", await TryAsync(door, token, proof));
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal("401 proof_invalid", await TryAsync(door, token, proof));
            _clock.Advance(TimeSpan.FromSeconds(11));
        }
        var early = Proof(token, claims => claims["iat"] = _clock.GetUtcNow().ToUnixTimeSeconds() + 30);
        Assert.Equal("200", await TryAsync(door, token, early));
        _clock.Advance(TimeSpan.FromSeconds(88)); // still good in all else
        Assert.Equal("401 proof_invalid", await TryAsync(door, token, early));
    }

    [Fact]
    public async Task X_08_two_DPoP_headers_are_400()
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;
        var token = Bound(door);

        var answer = await RawHttp.GetAsync(door.Url, "/accounts/current", "Authorization: DPoP " + token, "DPoP: " + Proof(token), "dpop: " + Proof(token));

        Assert.Equal(400, answer.Status);
        Assert.Empty(account.Requests);
    }

    [Fact]
    public async Task DP_05_B_25_V_053_a_bound_token_shown_as_a_bearer_token_is_401()
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;
        var token = Bound(door);

        using var answer = await door.GetAsync("/accounts/current", token);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.StartsWith("DPoP realm", AccessShown.Challenge(answer), StringComparison.Ordinal);
        Assert.Equal("401 proof_invalid", await door.GetAsAsync("/accounts/current", "Bearer " + token, ("DPoP", Proof(token))).OutcomeAsync());
        Assert.Equal("200", await TryAsync(door, token, Proof(token)));
        Assert.Equal("401 proof_invalid", await door.GetAsync("/accounts/current", token).OutcomeAsync()); // nor once it is known
        Assert.Equal("401 proof_invalid", await TryAsync(door, token)); // nor without a proof
        Assert.Single(account.Requests);
    }

    [Fact]
    public async Task DP_05_a_token_that_is_not_bound_is_401_with_DPoP_and_with_a_proof_beside_Bearer()
    {
        var (door, account) = await OpenAsync();
        await using var _ = door;
        var token = door.Issuer.UserToken("alice", "ui");

        Assert.Equal("401 proof_invalid", await TryAsync(door, token, Proof(token)));
        Assert.Equal("401 proof_invalid", await TryAsync(door, token));
        Assert.Equal("401 proof_invalid", await door.GetAsAsync("/accounts/current", "Bearer " + token, ("DPoP", Proof(token))).OutcomeAsync());
        Assert.Equal("401 proof_invalid", await door.GetAsAsync("/accounts/current", "Bearer " + token, ("DPoP", "")).OutcomeAsync());
        Assert.Empty(account.Requests);
        Assert.Equal("200", await door.GetAsync("/accounts/current", token).OutcomeAsync());
    }

    [Fact]
    public async Task V_053_a_bound_token_is_not_exchanged_for_one_that_is_not()
    {
        var (door, account) = await OpenAsync(("gateway:exchange:clientId", "exchanger"), ("gateway:routes:accounts:relay", "exchange"));
        await using var _ = door;
        var token = Bound(door);

        Assert.Equal("401 credential_not_taken", await TryAsync(door, token, Proof(token)));
        Assert.Empty(door.Issuer.Auth.TokenRequests);
        Assert.Empty(account.Requests);
    }

    [Fact]
    public async Task A_bound_opaque_token_needs_the_proof_too()
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var token = door.Opaque(("cnf", new Dictionary<string, object> { ["jkt"] = _key.Kid }));

        Assert.Equal("401 proof_invalid", await door.GetAsync("/accounts/current", token).OutcomeAsync());
        Assert.Equal("200", await TryAsync(door, token, Proof(token)));
        Assert.Equal(1, door.Issuer.Auth.Introspections);
    }

    [Theory]
    [InlineData("{\"kid\":\"x\"}")]
    [InlineData("{}")]
    [InlineData("\"jkt\"")]
    [InlineData("null")]
    [InlineData("{\"jkt\":1}")]
    public async Task A_token_that_is_bound_in_a_way_nobody_here_knows_opens_nothing(string cnf)
    {
        var (door, _) = await OpenAsync();
        await using var _ = door;
        var token = door.Issuer.Token(("scope", new[] { "ui" }), ("cnf", JsonSerializer.Deserialize<JsonElement>(cnf)));

        Assert.StartsWith("401", await door.GetAsync("/accounts/current", token).OutcomeAsync(), StringComparison.Ordinal);
        Assert.StartsWith("401", await TryAsync(door, token, Proof(token)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task DP_02_DP_07_with_nonces_a_proof_needs_that_of_this_gateway_and_the_answer_gives_it()
    {
        var (door, _) = await OpenAsync(("gateway:dpop:replay", "nonce"));
        await using var _ = door;
        var token = Bound(door);

        using var first = await door.GetAsAsync("/accounts/current", "DPoP " + token, ("DPoP", Proof(token)));
        await AccessTests.AssertProblem(first, 401, "use_dpop_nonce");
        Assert.Contains("error=\"use_dpop_nonce\"", AccessShown.Challenge(first), StringComparison.Ordinal);
        var nonce = first.Headers.GetValues("DPoP-Nonce").Single();

        Assert.Equal("200", await TryAsync(door, token, Proof(token, claims => claims["nonce"] = nonce)));
        Assert.Equal("401 proof_invalid", await TryAsync(door, token, Proof(token, claims => claims["nonce"] = nonce + "x")));

        // Another gateway has nonces of its own: what was shown here is good nowhere else.
        var (other, service) = await OpenAsync(("gateway:dpop:replay", "nonce"));
        await using var __ = other;
        var there = Bound(other);
        using var answer = await other.GetAsAsync("/accounts/current", "DPoP " + there, ("DPoP", Proof(there, claims => claims["nonce"] = nonce)));
        await AccessTests.AssertProblem(answer, 401, "use_dpop_nonce");
        Assert.Empty(service.Requests);

        // In the next minute it is still good and the answer brings the new one; after that it is not.
        _clock.Advance(TimeSpan.FromSeconds(60));
        using var next = await door.GetAsAsync("/accounts/current", "DPoP " + token, ("DPoP", Proof(token, claims => claims["nonce"] = nonce)));
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
        Assert.NotEqual(nonce, next.Headers.GetValues("DPoP-Nonce").Single());
        _clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal("401 proof_invalid", await TryAsync(door, token, Proof(token, claims => claims["nonce"] = nonce)));
    }

    [Fact]
    public void The_memory_of_proofs_is_bounded_in_all_and_for_each_caller_whatever_his_keys_and_forgets_in_time()
    {
        var proofs = new ShownProofs(_clock, most: 20, mostOfOne: 8);
        ShownProof Show(string caller, string key, string id) => proofs.Show(("uaa", caller), key, id);

        for (var i = 0; i < 4; i++) Assert.Equal(ShownProof.First, Show("alice", $"key-{i}", "0")); // keys cost nothing
        Assert.Equal(ShownProof.TooMany, Show("alice", "key-4", "0"));
        Assert.Equal(ShownProof.Before, Show("alice", "key-3", "0"));
        Assert.Equal(ShownProof.First, proofs.Show(("other", "alice"), "key-4", "0")); // of another zone
        for (var i = 0; i < 5; i++) Assert.Equal(ShownProof.First, Show($"b{i}", $"b{i}", "0")); // another's jti is no matter
        Assert.Equal(ShownProof.Full, Show("c", "c", "0"));

        _clock.Advance(TimeSpan.FromSeconds(90));
        Assert.Equal(ShownProof.Before, Show("alice", "key-0", "0"));
        Assert.Equal(ShownProof.First, Show("alice", "key-5", "0"));
        _clock.Advance(TimeSpan.FromSeconds(90));
        Assert.Equal(ShownProof.First, Show("alice", "key-0", "0"));
        Assert.Equal(2, proofs.Count);
        _clock.Advance(TimeSpan.FromSeconds(500));
        Assert.Equal(ShownProof.First, Show("alice", "key-0", "0"));
        Assert.Equal(1, proofs.Count);
    }

    [Fact]
    public void It_takes_two_hundred_callers_who_show_all_they_may_to_keep_out_the_others()
    {
        var proofs = new ShownProofs(_clock);
        ShownProof Show(int caller, int id) => proofs.Show(("uaa", "caller-" + caller), "key", $"{caller}.{id}");

        for (var caller = 0; caller < 199; caller++)
        {
            for (var id = 0; id < 10_000; id++) Show(caller, id);
        }

        Assert.Equal(199 * 10_000, proofs.Count);
        Assert.Equal(ShownProof.TooMany, Show(0, 10_000));
        Assert.Equal(ShownProof.First, Show(199, 0));
        _clock.Advance(TimeSpan.FromSeconds(90));
        Assert.Equal(ShownProof.Before, Show(0, 0));
    }
}
