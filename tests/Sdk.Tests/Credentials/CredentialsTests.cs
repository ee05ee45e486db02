using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Options;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Credentials;

public sealed class CredentialsTests : IAsyncLifetime
{
    private TestIssuer _issuer = null!;
    private Service _service = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await TestIssuer.StartAsync("sample");
        _service = await StartAsync($"gateway:{Hash("one")},account-service:{Hash("two")},account-service:{Hash("three")}");
    }

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    private Task<Service> StartAsync(string credentials) => Service.StartAsync(
        app => app.MapGet("/who", (ClaimsPrincipal caller) => caller.ClientId())
            .RequireAuthorization(policy => policy.AddAuthenticationSchemes("MeshService").RequireAuthenticatedUser()),
        [.. _issuer.Settings, new("mesh:credentials", credentials), new("mesh:acceptGatewayAudience", "true")],
        builder => builder.AddServiceCredentials());

    private static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    private static string Basic(string text) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private Task<Answer> WhoAsync(string? authorization) => _service.SendAsync(HttpMethod.Get, "/who", authorization);

    [Theory]
    [InlineData("gateway:canary-secret", "unknown name or wrong secret", "mesh:credentials")]
    [InlineData(null, "no credentials", "exactly one credential")]
    public async Task Administrators_are_told_the_cause_of_a_refusal(string? shown, string cause, string fix)
    {
        var refused = await WhoAsync(shown is null ? null : Basic(shown));

        var why = await _service.GetAsync("/actuator/why/" + refused.Headers.GetValues("X-Trace-Id").Single(), _issuer.Passport("sample", ("scope", new[] { "uaa.admin" })));

        var entry = why.Json.GetProperty("entries")[0];
        Assert.Equal((401, cause), (entry.GetProperty("status").GetInt32(), entry.GetProperty("cause").GetString()));
        Assert.Contains(fix, entry.GetProperty("fix").GetString(), StringComparison.Ordinal);
        Assert.Equal("credential", entry.GetProperty("steps").EnumerateArray().Single(step => step.GetProperty("outcome").GetString() == "failed").GetProperty("name").GetString());
        Assert.DoesNotContain("canary", why.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gateway:one", "gateway")]
    [InlineData("account-service:two", "account-service")]
    [InlineData("account-service:three", "account-service")]
    public async Task A_service_is_known_by_its_name_and_any_of_its_secrets(string pair, string name)
    {
        var answer = await WhoAsync(Basic(pair));

        Assert.Equal((200, name), (answer.Status, answer.Body));
    }

    [Theory]
    [InlineData("gateway:two")]
    [InlineData("gateway:")]
    [InlineData("gateway")]
    [InlineData("Gateway:one")]
    [InlineData(":one")]
    [InlineData("stranger:one")]
    [InlineData("gateway:one\0")]
    [InlineData("gateway: one")]
    public async Task Whoever_else_is_401_and_not_told_why(string pair)
    {
        var answer = await WhoAsync(Basic(pair));

        Assert.Equal((401, "unauthorized", "Bad credentials"), (answer.Status, answer.Error, answer.Json.GetProperty("detail").GetString()));
        Assert.Equal("Basic realm=\"securemesh\", charset=\"UTF-8\"", answer.Challenge);
    }

    [Theory]
    [InlineData("Basic !!!")]
    [InlineData("Basic Z2F0ZXdheTpvbmU")]
    [InlineData("Basic  Z2F0ZXdheTpvbmU=")]
    [InlineData("Basic Z2F0 ZXdheTpvbmU=")]
    [InlineData("Basic /////w==")]
    [InlineData("Basic Z2F0ZXdheTpvbmU=, Basic Z2F0ZXdheTpvbmU=")]
    public async Task X_08_a_malformed_Basic_header_is_401(string authorization) => Assert.Equal(401, (await WhoAsync(authorization)).Status);

    [Fact]
    public async Task Nobody_at_all_is_401_with_a_challenge() =>
        Assert.Equal("Basic realm=\"securemesh\", charset=\"UTF-8\"", (await WhoAsync(null)).Challenge);

    [Fact]
    public async Task The_scheme_name_compares_without_case() =>
        Assert.Equal(200, (await WhoAsync(Basic("gateway:one").Replace("Basic", "bAsIc", StringComparison.Ordinal))).Status);

    [Fact]
    public async Task X_08_two_Authorization_headers_are_400()
    {
        var answer = await RawHttp.GetAsync(_service.Url, "/who", "Authorization: " + Basic("gateway:one"), "Authorization: " + Basic("gateway:one"));

        Assert.Equal(400, answer.Status);
    }

    [Fact]
    public async Task A_token_made_for_this_service_with_scope_server_is_known()
    {
        var token = _issuer.Token(("client_id", "app"), ("aud", new[] { "mesh://sample" }), ("scope", new[] { "server" }));

        var answer = await WhoAsync("Bearer " + token);

        Assert.Equal((200, "app"), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task A_token_for_the_gateway_alone_is_not_known_here()
    {
        var answer = await WhoAsync("Bearer " + _issuer.Token(("scope", new[] { "server" }), ("aud", new[] { "app", "mesh://gateway" })));

        Assert.Equal((401, "invalid_token"), (answer.Status, answer.Error));
    }

    [Fact]
    public async Task A_token_without_scope_server_is_403()
    {
        var answer = await WhoAsync("Bearer " + _issuer.Token(("aud", new[] { "mesh://sample" }), ("scope", new[] { "ui" })));

        Assert.Equal((403, "insufficient_scope"), (answer.Status, answer.Error));
        Assert.EndsWith("scope=\"server\"", answer.Challenge);
    }

    [Theory]
    [InlineData("a.b.c")]
    [InlineData("")]
    public async Task A_forged_token_is_401(string token) => Assert.Equal("invalid_token", (await WhoAsync("Bearer " + token)).Error);

    [Theory]
    [InlineData("gateway:plain-secret")]
    [InlineData("gateway")]
    [InlineData("gateway:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    public async Task A_list_of_credentials_that_cannot_be_right_stops_the_start_and_is_not_repeated(string credentials)
    {
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => StartAsync(credentials));

        Assert.Contains("mesh:credentials: entry 1", failure.Message);
        Assert.DoesNotContain("plain-secret", failure.Message);
    }
}
