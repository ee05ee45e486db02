using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Gateway.Routes;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Nothing that is configured or sent is a program, and no address of the gateway changes what is configured.</summary>
public sealed class ExpressionTests
{
    /// <summary>What other products have executed, and what came of it there.</summary>
    public static TheoryData<string, string> Expressions => new()
    {
        { "#{7*7}", "49" },
        { "${7*7}", "49" },
        { "${{7*7}}", "49" },
        { "%{7*7}", "49" },
        { "{{7*7}}", "49" },
        { "@(7*7)", "49" },
        { "${script:javascript:7*7}", "49" },
        { "#{T(java.lang.Runtime).getRuntime().availableProcessors()}", Environment.ProcessorCount.ToString(System.Globalization.CultureInfo.InvariantCulture) },
        { "T(java.lang.Runtime)", "class java.lang.Runtime" },
        { "${env:PATH}", Environment.GetEnvironmentVariable("PATH") ?? "" },
        { "#{principal.claims['sub']}", "id-of-alice" },
        { "return true", "true" },
        { "true || false", "true" },
        { "^.*$", "anything" },
        { "*", "anything" },
    };

    [Theory]
    [MemberData(nameof(Expressions))]
    public async Task V_115_the_text_of_an_expression_in_a_policy_is_that_text_and_nothing_that_it_would_come_to(string text, string result)
    {
        await using var door = await Door.OpenAsync(
            [.. AccessShown.Route("claim", ("claims:department:0", text)), .. AccessShown.Route("only", ("claims:department", text)), .. AccessShown.Route("subject", ("subjects:0", text))]);
        await door.AddAsync("account-service");
        string Token(string value) => door.Issuer.Token(("scope", new[] { "ui" }), ("sub", value), ("department", value));

        foreach (var path in (string[])["/claim/x", "/only/x", "/subject/x"])
        {
            Assert.Equal("200", await door.GetAsync(path, Token(text)).OutcomeAsync());
            foreach (var value in (string[])[result, "true", "", text + " "])
                Assert.Equal("403 policy_denied", await door.GetAsync(path, Token(value)).OutcomeAsync());
        }
    }

    [Theory]
    [InlineData("#{T(java.lang.Runtime).getRuntime()}", "java")]
    [InlineData("${jndi:ldap://127.0.0.1/ui}", "ui")]
    [InlineData("@(true)", "true")]
    [InlineData("ui|.+", "ui")]
    public async Task V_115_so_is_that_of_a_scope(string text, string scope)
    {
        await using var door = await Door.OpenAsync(
            ("gateway:routes:x:path", "/x/{**rest}"), ("gateway:routes:x:service", "account-service"), ("gateway:routes:x:scopes:0", text));
        await door.AddAsync("account-service");

        Assert.Equal("200", await door.GetAsync("/x/1", door.Issuer.UserToken("alice", text)).OutcomeAsync());
        Assert.Equal("403 scope_missing", await door.GetAsync("/x/1", door.Issuer.UserToken("alice", scope, "true", "uaa.admin")).OutcomeAsync());
    }

    [Theory]
    [InlineData("path", "/x/{T(java.lang.Runtime)}", "is neither {name} nor {**name}")]
    [InlineData("service", "#{orders}", "must be a wire name")]
    [InlineData("timeout", "#{10}s", "must be a time with its unit")]
    [InlineData("maxBodyBytes", "#{7*7}", "must be a number of bytes")]
    [InlineData("access", "${public}", "must be public or left out")]
    [InlineData("predicates:0", "Path=#{'/x'}", "is no field of a route")]
    [InlineData("filters:0:name", "AddResponseHeader", "is no field of a route")]
    public async Task V_115_where_text_is_not_enough_an_expression_refuses_the_whole_change(string field, string text, string fault)
    {
        await using var door = await Door.OpenAsync([.. AccessShown.Route("x")]);
        await door.AddAsync("account-service");

        door.Live.Change(("gateway:routes:x:" + field, text));

        await Eventually.TrueAsync(() => door.Gateway.Logs.Any(line => line.Contains($"gateway:routes:x:{field.Split(':')[0]}", StringComparison.Ordinal) && line.Contains(fault, StringComparison.Ordinal)), fault);
        Assert.Equal("200", await door.GetAsync("/x/1", door.Issuer.UserToken("alice", "ui")).OutcomeAsync());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("ui")]
    [InlineData("uaa.admin")]
    public async Task V_115_no_address_changes_routes_settings_or_the_process_whoever_asks(string? scope)
    {
        await using var door = await Door.OpenAsync();
        var account = await door.AddAsync("account-service");
        var token = scope is null ? null : door.Issuer.UserToken("alice", scope);
        var before = door.Gateway.Services.GetRequiredService<RouteTable>().Current;
        // As in CVE-2022-22947: a route with a filter whose argument is a program; then a refresh puts it in force.
        var evil = new
        {
            id = "evil",
            uri = account.Url,
            predicates = new[] { new { name = "Path", args = new Dictionary<string, string> { ["_genkey_0"] = "/evil/**" } } },
            filters = new[] { new { name = "AddResponseHeader", args = new { name = "Result", value = "#{new String(T(java.lang.Runtime).getRuntime().exec('id'))}" } } },
        };

        foreach (var path in (string[])["gateway/routes/evil", "gateway/routes", "gateway/refresh", "gateway/globalfilters", "env", "refresh", "restart", "shutdown", "loggers/root", "configprops", "heapdump", "threaddump", "jolokia", "beans", "mappings", "prometheus"])
        {
            foreach (var method in (string[])["GET", "POST", "PUT", "PATCH", "DELETE"])
            {
                using var answer = await door.SendAsync(new HttpMethod(method), "/actuator/" + path, token, method is "GET" or "DELETE" ? null : JsonContent.Create(evil));
                Assert.True(answer.StatusCode == HttpStatusCode.NotFound, $"{method} {path}: {answer.StatusCode}");
            }
        }

        Assert.Same(before, door.Gateway.Services.GetRequiredService<RouteTable>().Current);
        Assert.Equal("404 route_missing", await door.GetAsync("/evil/x", token).OutcomeAsync());
        Assert.Empty(account.Requests);
    }

    [Fact]
    public async Task V_115_a_request_that_is_tried_is_judged_for_administrators_alone_and_its_words_are_repeated_as_words()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service");
        async Task<(int Status, string Text)> TryAsync(string? token, object request)
        {
            using var answer = await door.SendAsync(HttpMethod.Post, "/actuator/why", token, JsonContent.Create(request));
            return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }
        var request = new { method = "GET", path = "/accounts/$(7*7)*T(java.lang.Runtime)", credential = door.Issuer.Token(("scope", new[] { "#{7*7}" }), ("sub", "${7*7}")) };

        Assert.Equal(401, (await TryAsync(null, request)).Status);
        Assert.Equal(403, (await TryAsync(door.Issuer.UserToken("alice", "ui"), request)).Status);
        var (status, text) = await TryAsync(door.Issuer.UserToken("admin", "uaa.admin"), request);

        Assert.Equal(200, status);
        var entry = JsonDocument.Parse(text).RootElement.GetProperty("entries")[0];
        Assert.Equal("/accounts/$(7*7)*T(java.lang.Runtime)", entry.GetProperty("path").GetString());
        Assert.Equal("${7*7}", entry.GetProperty("credential").GetProperty("subject").GetString());
        Assert.Equal("#{7*7}", entry.GetProperty("credential").GetProperty("scopes")[0].GetString());
    }
}
