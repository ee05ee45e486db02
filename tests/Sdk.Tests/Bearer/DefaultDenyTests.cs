using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Primitives;
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
        await using var issuer = await TestIssuer.StartAsync("sample");
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

    [Fact]
    public async Task An_access_mode_that_becomes_unknown_under_way_changes_nothing()
    {
        await using var issuer = await TestIssuer.StartAsync("sample");
        await using var service = await Service.StartAsync(app => app.MapGet("/x", () => "in").RequireScope("ui"), issuer.Settings);
        var configuration = (IConfigurationRoot)service.Services.GetRequiredService<IConfiguration>();

        configuration["access:mode"] = "none";
        configuration.Reload();

        await service.LoggedAsync("Error SecureMesh.Sdk.CallerMode access:mode changed to none");
        Assert.Equal(401, (await service.GetAsync("/x")).Status);
        Assert.Equal(200, (await service.GetAsync("/x", issuer.ClientToken("app", "ui"))).Status);
    }

    [Fact]
    public async Task An_endpoint_that_appears_later_without_a_policy_answers_nobody()
    {
        await using var issuer = await TestIssuer.StartAsync("sample");
        using var later = new Later();
        await using var service = await Service.StartAsync(app => ((IEndpointRouteBuilder)app).DataSources.Add(later), issuer.Settings);
        Assert.Equal(404, (await service.GetAsync("/later")).Status);

        later.Appear();

        Assert.Equal(401, (await service.GetAsync("/later")).Status);
        Assert.Equal(403, (await service.GetAsync("/later", issuer.ClientToken("app", "ui"))).Status);
        Assert.Equal(404, (await service.GetAsync("/elsewhere")).Status);
        Assert.Equal(405, (await service.SendAsync(HttpMethod.Put, "/later", null)).Status);
    }

    private sealed class Later : EndpointDataSource, IDisposable
    {
        private CancellationTokenSource _change = new();
        private Endpoint[] _endpoints = [];

        public override IReadOnlyList<Endpoint> Endpoints => _endpoints;

        public override IChangeToken GetChangeToken() => new CancellationChangeToken(_change.Token);

        public void Dispose() => _change.Dispose();

        public void Appear()
        {
            var builder = new RouteEndpointBuilder(http => http.Response.WriteAsync("in"), RoutePatternFactory.Parse("/later"), 0);
            builder.Metadata.Add(new HttpMethodMetadata(["GET"]));
            _endpoints = [builder.Build()];
            var changed = _change;
            _change = new();
            changed.Cancel();
        }
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("a\"b")]
    [InlineData("")]
    [InlineData("ä")]
    public async Task A_scope_that_no_token_can_hold_is_refused_where_it_is_written(string scope) =>
        await Assert.ThrowsAsync<ArgumentException>(() => Service.StartAsync(app => app.MapGet("/x", () => "").RequireScope(scope)));
}
