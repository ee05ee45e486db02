using Microsoft.AspNetCore.Builder;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Bearer;

public sealed class DefaultDenyTests
{
    [Fact]
    public async Task An_endpoint_without_a_policy_stops_the_start_and_is_named()
    {
        var failure = await Assert.ThrowsAsync<MeshStartException>(() => Service.StartAsync(app =>
        {
            app.MapGet("/good", () => "").RequireScope("ui");
            app.MapPost("/forgotten", () => "");
        }));

        Assert.Contains("/forgotten", failure.Message);
        Assert.DoesNotContain("/good", failure.Message);
    }

    [Fact]
    public async Task A_scope_inside_an_open_group_stops_the_start_because_it_would_be_ignored()
    {
        var failure = await Assert.ThrowsAsync<MeshStartException>(() => Service.StartAsync(app =>
            app.MapGroup("/open").AllowAnonymous().MapGet("/closed", () => "").RequireScope("ui")));

        Assert.Contains("/open/closed", failure.Message);
    }

    [Fact]
    public async Task The_scope_of_a_group_holds_for_all_in_it_adds_up_with_an_endpoints_own_and_can_be_opened_by_an_endpoint()
    {
        await using var issuer = await TestIssuer.StartAsync();
        await using var service = await Service.StartAsync(app =>
        {
            var group = app.MapGroup("/g").RequireScope("ui");
            group.MapGet("/plain", () => "plain");
            group.MapGet("/both", () => "both").RequireScope("server");
            group.MapGet("/open", () => "open").AllowAnonymous();
        }, issuer.Settings);

        Assert.Equal(401, (await service.GetAsync("/g/plain")).Status);
        Assert.Equal(200, (await service.GetAsync("/g/plain", issuer.ClientToken("app", "ui"))).Status);
        Assert.EndsWith("scope=\"server\"", (await service.GetAsync("/g/both", issuer.ClientToken("app", "ui"))).Challenge);
        Assert.EndsWith("scope=\"ui\"", (await service.GetAsync("/g/both", issuer.ClientToken("app", "server"))).Challenge);
        Assert.Equal(200, (await service.GetAsync("/g/both", issuer.ClientToken("app", "ui", "server"))).Status);
        Assert.Equal("open", (await service.GetAsync("/g/open")).Body);
    }

    [Theory]
    [InlineData("monolith2")]
    [InlineData("none")]
    [InlineData("Token")]
    [InlineData("")]
    public async Task An_unknown_access_mode_stops_the_start(string mode)
    {
        var failure = await Assert.ThrowsAsync<MeshStartException>(() => Service.StartAsync(_ => { }, [new("access:mode", mode)]));

        Assert.Contains("access:mode", failure.Message);
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("a\"b")]
    [InlineData("")]
    [InlineData("ä")]
    public async Task A_scope_that_no_token_can_hold_is_refused_where_it_is_written(string scope) =>
        await Assert.ThrowsAsync<ArgumentException>(() => Service.StartAsync(app => app.MapGet("/x", () => "").RequireScope(scope)));
}
