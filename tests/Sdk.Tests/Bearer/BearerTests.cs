using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Bearer;

public sealed class BearerTests : IAsyncLifetime
{
    private TestIssuer _issuer = null!;
    private Service _service = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await TestIssuer.StartAsync("sample");
        _service = await Service.StartAsync(app =>
        {
            app.MapGet("/ui", (ClaimsPrincipal caller) => $"{caller.UserName()}|{caller.ClientId()}").RequireScope("ui", "other");
            app.MapGet("/any", () => "any").RequireAuthorization();
            app.MapGet("/open", (ClaimsPrincipal caller) => caller.HasScope("server") ? "server" : "anybody").AllowAnonymous();
        }, _issuer.Settings);
    }

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    [Fact]
    public async Task A_token_with_the_scope_opens_the_endpoint_and_says_who_calls()
    {
        var answer = await _service.GetAsync("/ui", _issuer.UserToken("demo", "openid", "ui"));

        Assert.Equal((200, "demo|browser"), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task A_10_no_token_is_401_with_a_challenge_that_names_no_error()
    {
        var answer = await _service.GetAsync("/ui");

        Assert.Equal((401, "unauthorized"), (answer.Status, answer.Error));
        Assert.Equal("Full authentication is required to access this resource", answer.Json.GetProperty("detail").GetString());
        Assert.Equal("Bearer realm=\"securemesh\"", answer.Challenge);
        Assert.Equal("application/problem+json", answer.ContentHeaders.ContentType?.MediaType);
        Assert.Equal(Assert.Single(answer.Headers.GetValues("X-Trace-Id")), answer.Json.GetProperty("traceId").GetString());
        Assert.Matches("^[0-9a-f]{32}$", answer.Json.GetProperty("traceId").GetString());
    }

    [Fact]
    public async Task A_10_too_little_scope_is_403_and_names_the_scopes_of_which_one_is_enough()
    {
        var answer = await _service.GetAsync("/ui", _issuer.UserToken("demo", "openid", "UI"));

        Assert.Equal((403, "insufficient_scope"), (answer.Status, answer.Error));
        Assert.StartsWith("Bearer realm=\"securemesh\", error=\"insufficient_scope\"", answer.Challenge);
        Assert.EndsWith("scope=\"ui other\"", answer.Challenge);
    }

    [Fact]
    public async Task An_open_endpoint_sees_a_valid_token_and_overlooks_a_bad_one()
    {
        Assert.Equal("server", (await _service.GetAsync("/open", _issuer.ClientToken("account-service", "server"))).Body);
        Assert.Equal("anybody", (await _service.GetAsync("/open", "x.y.z")).Body);
    }

    [Fact]
    public async Task A_scope_claim_written_as_one_string_is_a_list()
    {
        Assert.Equal(200, (await _service.GetAsync("/ui", _issuer.Token(("scope", "openid ui")))).Status);
        Assert.Equal(403, (await _service.GetAsync("/ui", _issuer.Token(("scope", "openid,ui")))).Status);
    }
}
