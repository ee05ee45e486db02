using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Every step of the check of a signed token, by a good token with one fault: the step names itself in the log.</summary>
public sealed class AccessStepsTests(StepsDoor shared) : IClassFixture<StepsDoor>
{
    private const string Malformed = "401 credential_malformed", Invalid = "401 credential_invalid", Expired = "401 credential_expired", Proof = "401 proof_invalid", Scope = "403 scope_missing";
    private static readonly long _now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    private readonly Door _door = shared.Door;

    /// <summary>Step, what is wrong, what the caller reads, what the operator reads.</summary>
    public static TheoryData<string, string, string, string> Faults => new()
    {
        { "structure", "two parts", Malformed, "not a compact signed token" },
        { "structure", "a part that is no base64url", Invalid, "not a compact signed token" },
        { "structure", "a payload with a claim twice", Invalid, "a claim stands in the payload twice, or is no text" },
        { "typ", "that of an id token", Invalid, "typ is neither at+jwt nor passport+jwt" },
        { "typ", "that of a passport", Invalid, "typ passport+jwt is not taken here" },
        { "alg", "none", Invalid, "alg is neither ES256 nor RS256" },
        { "alg", "PS256, by a key for RS256", Invalid, "alg is neither ES256 nor RS256" },
        { "alg", "RS256, by the name of a key for ES256", Invalid, "alg is not that of the key" },
        { "kid", "none", Invalid, "no kid" },
        { "kid", "of a key that nobody published", Invalid, "the issuer publishes no such key" },
        { "signature", "by another key", Invalid, "the signature does not verify" },
        { "signature", "over another payload", Invalid, "the signature does not verify" },
        { "iss", "another", Invalid, "another issuer" },
        { "iss", "none", Invalid, "another issuer" },
        { "aud", "another", Invalid, "for another audience" },
        { "aud", "none", Invalid, "for another audience" },
        { "exp", "over", Expired, "expired" },
        { "exp", "none", Invalid, "no expiry" },
        { "nbf", "not yet", Invalid, "not valid yet" },
        { "claims", "without a subject", Invalid, "not the claims of an access token" },
        { "sender", "bound to a key", Proof, "bound to a key, shown as a bearer token" },
        { "sender", "bound to a certificate", Proof, "bound to a certificate, shown on a connection without one" },
        { "sender", "bound in an unknown way", Invalid, "bound in a way that is not known here" },
        { "denylist", "jti", Invalid, "revoked" },
        { "denylist", "sid", Invalid, "revoked" },
        { "denylist", "grant", Invalid, "revoked" },
        { "denylist", "sub-not-before", Invalid, "revoked" },
        { "denylist", "client-not-before", Invalid, "revoked" },
        { "scope", "another", Scope, "none of the scopes ui server" },
        { "scope", "none", Scope, "none of the scopes ui server" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task JA_04_a_good_token_with_one_fault_is_refused_at_the_step_that_looks_for_it(string step, string fault, string outcome, string cause)
    {
        shared.Account.Requests.Clear();
        var name = $"{step}-{fault}";
        string Good(params (string Claim, object? Value)[] change) => _door.Issuer.Token(Claims(name, change));
        Assert.Equal("200", await TryAsync(Good()));

        var bad = await BadAsync(step, fault, name, Good);

        var since = _door.Gateway.Logs.Count;
        for (var i = 0; i < 2; i++) Assert.Equal(outcome, await TryAsync(bad)); // unknown, and known
        var refusals = _door.Gateway.Logs.Skip(since).Where(line => line.Contains(" Refused with ", StringComparison.Ordinal)).ToArray();
        Assert.Equal(2, refusals.Length);
        Assert.All(refusals, line => Assert.Contains($" Refused with {outcome}: {cause} (route accounts)", line, StringComparison.Ordinal));
        Assert.Equal("200", await TryAsync(Good())); // of the same caller
        Assert.Equal(2, shared.Account.Requests.Count);
    }

    [Fact]
    public async Task JA_04_the_key_for_another_algorithm_is_one_that_opens_with_its_own()
    {
        Assert.Equal("200", await TryAsync(shared.SignRsa("RS256", RSASignaturePadding.Pkcs1, _door.Issuer.Claims(Claims("rsa")))));
    }

    private Task<string> TryAsync(string token) => _door.GetAsync("/accounts/current", token).OutcomeAsync();

    private static (string, object?)[] Claims(string name, params (string Claim, object? Value)[] change) =>
        [("sub", name), ("user_id", name), ("client_id", "client-of-" + name), ("sid", "session-of-" + name + Guid.NewGuid()), ("grant_id", "grant-of-" + name + Guid.NewGuid()), ("nbf", _now), ("scope", new[] { "ui" }), .. change];

    private async Task<string> BadAsync(string step, string fault, string name, Func<(string, object?)[], string> good)
    {
        var issuer = _door.Issuer;
        string Header(string member, object? value) => TestIssuer.Sign(issuer.Key, issuer.Claims(Claims(name)), header: new() { [member] = value! });
        var token = good([]);
        var parts = token.Split('.');
        return (step, fault) switch
        {
            ("structure", "two parts") => $"{parts[0]}.{parts[1]}",
            ("structure", "a part that is no base64url") => $"{parts[0]}.{parts[1]}+.{parts[2]}",
            ("structure", _) => SignText(issuer.Key, $$"""{"alg":"ES256","typ":"at+jwt","kid":"{{issuer.Key.Kid}}"}""", JsonSerializer.Serialize(issuer.Claims(Claims(name)))[..^1] + ""","scope":["ui"]}"""),
            ("typ", "that of an id token") => Header("typ", "JWT"),
            ("typ", _) => Header("typ", "passport+jwt"),
            ("alg", "none") => $"{Encoded("""{"alg":"none","typ":"at+jwt","kid":"x"}""")}.{parts[1]}.{parts[2]}",
            ("alg", "PS256, by a key for RS256") => shared.SignRsa("PS256", RSASignaturePadding.Pss, issuer.Claims(Claims(name))),
            ("alg", _) => Header("alg", "RS256"),
            ("kid", "none") => SignText(issuer.Key, """{"alg":"ES256","typ":"at+jwt"}""", JsonSerializer.Serialize(issuer.Claims(Claims(name)))),
            ("kid", _) => TestIssuer.Sign(new SigningKey(), issuer.Claims(Claims(name))),
            ("signature", "by another key") => TestIssuer.Sign(new SigningKey(), issuer.Claims(Claims(name)), header: new() { ["kid"] = issuer.Key.Kid }),
            ("signature", _) => $"{parts[0]}.{good([]).Split('.')[1]}.{parts[2]}",
            ("iss", "another") => good([("iss", issuer.Issuer + "/")]),
            ("iss", _) => good([("iss", null)]),
            ("aud", "another") => good([("aud", new[] { "mesh://account-service", "client-of-" + name })]),
            ("aud", _) => good([("aud", null)]),
            ("exp", "over") => good([("exp", DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 31)]),
            ("exp", _) => good([("exp", null)]),
            ("nbf", _) => good([("nbf", DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 120)]),
            ("claims", _) => good([("sub", null)]),
            ("sender", "bound to a key") => good([("cnf", new Dictionary<string, object> { ["jkt"] = new SigningKey().Kid })]),
            ("sender", "bound to a certificate") => good([("cnf", new Dictionary<string, object> { ["x5t#S256"] = new SigningKey().Kid })]),
            ("sender", _) => good([("cnf", new Dictionary<string, object> { ["x5u"] = "https://x.example" })]),
            ("denylist", "jti") => await RevokedAsync("token", "jti", good([])),
            ("denylist", "sid") => await RevokedAsync("session", "sid", good([])),
            ("denylist", "grant") => await RevokedAsync("grant", "grant_id", good([])),
            ("denylist", "sub-not-before") => await RevokedAsync("user", "user_id", good([("iat", _now - 100)]), _now - 50),
            ("denylist", _) => await RevokedAsync("client", "client_id", good([("iat", _now - 100)]), _now - 50),
            ("scope", "another") => good([("scope", new[] { "openid", "UI", "uix" })]),
            ("scope", _) => good([("scope", null)]),
            _ => throw new InvalidOperationException($"{step}: {fault}"),
        };
    }

    /// <summary>Revokes what the token was issued by, and waits until the gateway has heard of it; the token itself it has not seen.</summary>
    private async Task<string> RevokedAsync(string kind, string claim, string token, long? notBefore = null)
    {
        var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[1])).RootElement;
        _door.Issuer.Auth.Revoke(kind, claims.GetProperty(claim).GetString()!, notBefore);
        var marks = TokenMarks.Of(claims, _door.Issuer.Key.Kid);
        var revocations = _door.Gateway.Services.GetRequiredService<ITokenRevocations>();
        await Eventually.TrueAsync(() => revocations.IsRevoked(in marks), "the gateway has heard of it");
        return token;
    }

    private static string Encoded(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));

    private static string SignText(SigningKey key, string header, string payload)
    {
        var input = Encoded(header) + "." + Encoded(payload);
        return input + "." + Base64Url.EncodeToString(key.EC.SignData(Encoding.ASCII.GetBytes(input), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));
    }
}

/// <summary>A gateway whose issuer has an RSA key beside the one it signs with.</summary>
public sealed class StepsDoor : IAsyncLifetime
{
    private readonly RSA _rsa = RSA.Create(2048);

    internal Door Door { get; private set; } = null!;

    internal Backend Account { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var known = _rsa.ExportParameters(false);
        Door = await Door.OpenAsync(null, issuer => issuer.Publish(new Dictionary<string, string>
        {
            ["kty"] = "RSA",
            ["kid"] = "rsa",
            ["alg"] = "RS256",
            ["use"] = "sig",
            ["n"] = Base64Url.EncodeToString(known.Modulus),
            ["e"] = Base64Url.EncodeToString(known.Exponent),
        }));
        Account = await Door.AddAsync("account-service");
        await Eventually.TrueAsync(() => Door.Issuer.Auth.Followers == 1, "the gateway follows");
    }

    public async ValueTask DisposeAsync()
    {
        await Door.DisposeAsync();
        _rsa.Dispose();
    }

    internal string SignRsa(string algorithm, RSASignaturePadding padding, Dictionary<string, object> claims)
    {
        var input = Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(new { alg = algorithm, typ = "at+jwt", kid = "rsa" })) + "." + Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(claims));
        return input + "." + Base64Url.EncodeToString(_rsa.SignData(Encoding.ASCII.GetBytes(input), HashAlgorithmName.SHA256, padding));
    }
}
