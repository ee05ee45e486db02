using System.Net.Http.Json;
using System.Text.Json;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests.Explain;

/// <summary>A token of an issuer that is trusted beside the mesh's own is explained by what is wrong with it, and not by whose it is.</summary>
public sealed class ExplainForeignTests : IAsyncLifetime
{
    private const string Corp = "https://corp.example/";
    private TestIssuer _corp = null!;
    private Door _door = null!;

    public async ValueTask InitializeAsync()
    {
        _corp = await TestIssuer.StartAsync();
        _door = await Door.OpenAsync([
            ("mesh:demo", "true"), ("gateway:issuers:corp:issuer", Corp), ("gateway:issuers:corp:keys", _corp.Url + "/uaa/token_keys"), ("gateway:issuers:corp:audience", "https://mesh.example"),
            ("gateway:issuers:corp:scopes:0", "ui"), .. AccessShown.Route("theirs", ("credentials:0", "foreign"))]);
        await _door.AddAsync("account-service");
    }

    public async ValueTask DisposeAsync()
    {
        await _door.DisposeAsync();
        await _corp.DisposeAsync();
    }

    [Theory]
    [InlineData("JWT", "token", "typ is not at+jwt, which access tokens of this issuer have: it is JWT", "types in gateway:issuers")]
    [InlineData(null, "token", "typ is not at+jwt, which access tokens of this issuer have: it is missing", "the header says typ at+jwt")]
    [InlineData("logout+jwt", "token", "it is logout+jwt", "the header says typ at+jwt")]
    public async Task Of_another_type(string? typ, string step, string cause, string fix)
    {
        var header = new Dictionary<string, object>();
        if (typ is null) header["typ"] = null!;
        await ExplainedAsync(TestIssuer.Sign(_corp.Key, Claims(), typ ?? "", header), step, cause, fix);
    }

    [Theory]
    [InlineData("sub", null, "token", "the token names no subject", "sub and client_id")]
    [InlineData("sub", "", "token", "the token names no subject", "sub and client_id")]
    [InlineData("sub", 5, "token", "the token names no subject", "sub and client_id")]
    [InlineData("client_id", null, "token", "the token names no client", "sub and client_id")]
    [InlineData("aud", 5, "token", "aud is neither a text nor a list of texts", "get a new access token")]
    [InlineData("aud", "mesh://gateway", "audience", "made for mesh://gateway, not for https://mesh.example", "name https://mesh.example too")]
    [InlineData("exp", 1_700_000_000.5, "lifetime", "expired", "refresh the token")]
    [InlineData("exp", null, "lifetime", "the token has no expiry", "get a token that ends")]
    [InlineData("exp", "soon", "token", "exp is no number of seconds", "get a new access token")]
    [InlineData("exp", "1999999999", "token", "exp is no number of seconds", "get a new access token")]
    public async Task With_a_wrong_claim(string claim, object? value, string step, string cause, string fix) =>
        await ExplainedAsync(TestIssuer.Sign(_corp.Key, Claims((claim, value))), step, cause, fix);

    [Fact]
    public async Task With_a_key_that_nobody_published() =>
        await ExplainedAsync(TestIssuer.Sign(new SigningKey(), Claims()), "key", "the issuer publishes no such key", "the key was withdrawn");

    private Dictionary<string, object> Claims(params (string Claim, object? Value)[] change) => _corp.Claims([("iss", Corp), ("aud", "https://mesh.example"), ("sub", "alice"), ("scope", "ui"), .. change]);

    /// <summary>As the first cause of a request, and of a dry run of it.</summary>
    private async Task ExplainedAsync(string token, string step, string cause, string fix)
    {
        var admin = _door.Issuer.UserToken("admin", "uaa.admin");
        using var refused = await _door.GetAsync("/theirs/x", token);
        Assert.Equal(401, (int)refused.StatusCode);
        using var told = await _door.GetAsync("/actuator/why/" + refused.Headers.GetValues("X-Trace-Id").Single(), admin);
        using var tried = await _door.SendAsync(HttpMethod.Post, "/actuator/why", admin, JsonContent.Create(new { method = "GET", path = "/theirs/x", credential = token }));

        foreach (var answer in new[] { told, tried })
        {
            var why = await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
            Assert.Contains(cause, why.GetProperty("cause").GetString(), StringComparison.Ordinal);
            Assert.Contains(fix, why.GetProperty("fix").GetString(), StringComparison.Ordinal);
            Assert.Equal(step, why.GetProperty("entries")[0].GetProperty("steps").EnumerateArray().Single(one => one.GetProperty("outcome").GetString() == "failed").GetProperty("name").GetString());
        }
    }
}
