using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Explain;

/// <summary>A service keeps why it refused, and tells administrators at <c>/actuator/why/{id}</c>.</summary>
public sealed class WhyTests : IAsyncLifetime
{
    private TestIssuer _issuer = null!;
    private Service _service = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await TestIssuer.StartAsync();
        _service = await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    private Task<Service> StartAsync(params (string Key, string Value)[] settings) => Service.StartAsync(
        app =>
        {
            app.MapGet("/things", () => "ok").RequireScope("things.read");
            app.MapGet("/own", () => Results.StatusCode(403)).AllowAnonymous();
            app.MapGet("/said/{status}", (HttpContext http, int status) =>
            {
                http.RefusedBecause("a rule\nof its own", "another rule");
                return Results.StatusCode(status);
            }).AllowAnonymous();
            app.MapGet("/just/{status}", (int status) => Results.StatusCode(status)).AllowAnonymous();
            app.MapGet("/broken", string () => throw new InvalidOperationException("canary-exception")).AllowAnonymous();
        },
        [.. _issuer.Settings, .. settings.Select(pair => KeyValuePair.Create(pair.Key, pair.Value))]);

    private string Admin => _issuer.Passport("sample", ("scope", new[] { "uaa.admin" }));

    private async Task<JsonElement> WhyAsync(Answer refused)
    {
        Answer? answer = null;
        // What an endpoint refuses by itself is kept once its answer is out.
        while (answer is null || answer.Status == 404)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            answer = await _service.GetAsync("/actuator/why/" + refused.Headers.GetValues("X-Trace-Id").Single(), Admin);
        }
        Assert.True(answer.Status == 200, answer.Body);
        return JsonDocument.Parse(answer.Body).RootElement.GetProperty("entries")[0];
    }

    [Theory]
    [InlineData("nothing", 401, "credential", "no bearer token")]
    [InlineData("malformed", 401, "token", "malformed")]
    [InlineData("expired", 401, "token", "expired")]
    [InlineData("other audience", 401, "token", "for another audience")]
    [InlineData("passport of another", 401, "token", "for another audience")]
    [InlineData("forged", 401, "token", "the signature does not verify")]
    [InlineData("no scope", 403, "scopes", "none of the scopes things.read")]
    public async Task A_refusal_is_explained(string kind, int status, string step, string cause)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var token = kind switch
        {
            "nothing" => null,
            "malformed" => "canary token",
            "expired" => _issuer.Token(("aud", "mesh://sample"), ("exp", now - 100)),
            "other audience" => _issuer.Token(("aud", "mesh://other")),
            "passport of another" => _issuer.Passport("other"),
            "forged" => TestIssuer.Sign(new SigningKey(), _issuer.Claims(("aud", "mesh://sample")), header: new() { ["kid"] = _issuer.Key.Kid }),
            _ => _issuer.Token(("aud", "mesh://sample"), ("scope", new[] { "other" })),
        };

        var refused = await _service.GetAsync("/things?code=canary-query", token);

        Assert.Equal(status, refused.Status);
        var entry = await WhyAsync(refused);
        Assert.Equal((status, "sample", "GET", "/things?code=..."), (entry.GetProperty("status").GetInt32(), entry.GetProperty("service").GetString(), entry.GetProperty("method").GetString(), entry.GetProperty("path").GetString()));
        Assert.Contains(cause, entry.GetProperty("cause").GetString(), StringComparison.Ordinal);
        Assert.NotEmpty(entry.GetProperty("fix").GetString()!);
        Assert.Matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$", entry.GetProperty("time").GetString());
        if (kind == "expired") Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(now - 100).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture), entry.GetProperty("credential").GetProperty("expiresAt").GetString());
        if (token is not null) Assert.Equal(kind == "no scope", entry.GetProperty("credential").GetProperty("verified").GetBoolean());
        Assert.Equal(step, entry.GetProperty("steps").EnumerateArray().Single(one => one.GetProperty("outcome").GetString() == "failed").GetProperty("name").GetString());
        Assert.DoesNotContain("canary", entry.GetRawText(), StringComparison.Ordinal);
        if (token?.Split('.') is [_, var payload, var signature])
        {
            Assert.DoesNotContain(signature[..12], entry.GetRawText(), StringComparison.Ordinal);
            Assert.DoesNotContain(payload[..12], entry.GetRawText(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("/own", 403)]
    [InlineData("/broken", 500)]
    public async Task What_an_endpoint_refuses_by_itself_is_kept_as_such(string path, int status)
    {
        var refused = await _service.GetAsync(path);

        Assert.Equal(status, refused.Status);
        var entry = await WhyAsync(refused);
        Assert.Equal($"the endpoint itself answered {status}", entry.GetProperty("cause").GetString());
        Assert.DoesNotContain("canary", entry.GetRawText(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("passport", true)]
    [InlineData("token", true)]
    [InlineData("token of another", false)]
    [InlineData("revoked", false)]
    [InlineData("nonsense", false)]
    public async Task Where_anybody_may_call_a_credential_is_verified_when_the_service_has_verified_it(string kind, bool verified)
    {
        ((TokenRevocations)_service.Services.GetRequiredService<ITokenRevocations>()).Apply(new Revocation(1, RevocationKind.Token, "uaa", "gone", null, long.MaxValue, DateTimeOffset.UtcNow.AddHours(1)));
        var token = kind switch
        {
            "passport" => _issuer.Passport("sample"),
            "token" => _issuer.Token(("aud", "mesh://sample")),
            "revoked" => _issuer.Token(("aud", "mesh://sample"), ("jti", "gone")),
            "token of another" => _issuer.Token(("aud", "mesh://other")),
            _ => "canary-nonsense",
        };

        var credential = (await WhyAsync(await _service.GetAsync("/own", token))).GetProperty("credential");

        Assert.Equal(verified, credential.GetProperty("verified").GetBoolean());
    }

    [Theory]
    [InlineData(405, "use a method that the path takes")]
    [InlineData(421, "the endpoint decided by itself")]
    [InlineData(429, "wait as long as Retry-After")]
    public async Task Other_refusals_that_are_not_about_what_was_sent_are_kept_too(int status, string fix) =>
        Assert.StartsWith(fix, (await WhyAsync(await _service.GetAsync("/just/" + status))).GetProperty("fix").GetString(), StringComparison.Ordinal);

    [Fact]
    public async Task What_an_endpoint_says_of_its_refusal_is_told_to_administrators_and_the_log_alone()
    {
        var refused = await _service.GetAsync("/said/403");

        Assert.DoesNotContain("rule", refused.Body, StringComparison.Ordinal);
        var entry = await WhyAsync(refused);
        Assert.Equal(("a rule?of its own", "another rule"), (entry.GetProperty("cause").GetString(), entry.GetProperty("fix").GetString()));
        await _service.LoggedAsync("Information SecureMesh.Sdk.ServiceRefusals Refused with 403: a rule?of its own");
        Assert.Equal(200, (await _service.GetAsync("/said/200")).Status);
        Assert.Single(_service.Logs, line => line.Contains("a rule", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Administrators_alone_are_told_by_a_passport_or_a_token_for_the_service()
    {
        var refused = await _service.GetAsync("/things");
        var path = "/actuator/why/" + refused.Headers.GetValues("X-Trace-Id").Single();

        Assert.Equal(401, (await _service.GetAsync(path)).Status);
        Assert.Equal(403, (await _service.GetAsync(path, _issuer.Passport("sample", ("scope", new[] { "ui" })))).Status);
        Assert.Equal(401, (await _service.GetAsync(path, _issuer.Passport("other", ("scope", new[] { "uaa.admin" })))).Status);
        Assert.Equal(200, (await _service.GetAsync(path, _issuer.Token(("aud", "mesh://sample"), ("scope", new[] { "uaa.admin" })))).Status);
        Assert.Equal(404, (await _service.GetAsync("/actuator/why/" + new string('0', 32), Admin)).Status);
        Assert.Equal(404, (await _service.GetAsync("/actuator/why/nothing", Admin)).Status);
        Assert.Equal(405, (await _service.SendAsync(HttpMethod.Post, path, "Bearer " + Admin)).Status);
    }

    [Fact]
    public async Task As_many_are_kept_as_was_set_and_none_where_it_is_not_served()
    {
        await _service.DisposeAsync();
        _service = await StartAsync(("mesh:explain:kept", "2"));
        var ids = new List<string>();
        for (var i = 0; i < 3; i++) ids.Add((await _service.GetAsync("/things")).Headers.GetValues("X-Trace-Id").Single());

        Assert.Equal([404, 200, 200], await StatusesAsync(ids));

        await _service.DisposeAsync();
        _service = await StartAsync(("mesh:explain:serve", "false"));
        var unserved = (await _service.GetAsync("/things")).Headers.GetValues("X-Trace-Id").Single();
        Assert.Equal([404], await StatusesAsync([unserved]));
    }

    [Fact]
    public async Task A_number_that_is_none_stops_the_start()
    {
        var fault = await Assert.ThrowsAnyAsync<Exception>(() => StartAsync(("mesh:explain:kept", "-1")));

        Assert.Contains("mesh:explain:kept must be 0 to 100000, not -1.", fault.Message, StringComparison.Ordinal);
    }

    private async Task<List<int>> StatusesAsync(IEnumerable<string> ids)
    {
        var statuses = new List<int>();
        foreach (var id in ids) statuses.Add((await _service.GetAsync("/actuator/why/" + id, Admin)).Status);
        return statuses;
    }
}
