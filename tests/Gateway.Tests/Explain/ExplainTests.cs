using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Sdk;
using Xunit;

namespace SecureMesh.Gateway.Tests.Explain;

/// <summary>Each refusal has an id by which an administrator learns the first cause, the chain of checks and the nearest fix.</summary>
public sealed class ExplainTests(ExplainDoor shared) : IClassFixture<ExplainDoor>
{
    private readonly Door _door = shared.Door;

    public static TheoryData<string> Kinds => [.. BrokenRequests.All.Select(request => request.Name)];

    [Fact]
    public void The_broken_requests_are_of_at_least_sixty_kinds() => Assert.InRange(BrokenRequests.All.Select(request => request.Name).Distinct().Count(), 60, 200);

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_broken_request_is_explained_by_its_first_cause(string kind)
    {
        var broken = BrokenRequests.All.Single(request => request.Name == kind);
        var sent = await MakeAsync(broken);

        var (answer, id) = await shared.SendAsync(sent);

        Assert.Equal(broken.Status, answer.Status);
        Assert.Matches("^[0-9a-f]{32}$", id);
        if (broken.Reason is not null)
        {
            var problem = JsonDocument.Parse(answer.Body[answer.Body.IndexOf('{')..(answer.Body.LastIndexOf('}') + 1)]).RootElement; // out of its chunk
            Assert.Equal(broken.Reason, problem.GetProperty("reason").GetString());
            Assert.Equal(id, problem.GetProperty("traceId").GetString());
        }
        var (why, text) = await shared.WhyAsync(id);
        Assert.Equal(broken.Reason ?? "service_refused", why.GetProperty("reason").GetString());
        Assert.Equal(broken.Status, why.GetProperty("status").GetInt32());
        Assert.Contains(broken.Cause, why.GetProperty("cause").GetString(), StringComparison.Ordinal);
        Assert.Contains(broken.Fix, why.GetProperty("fix").GetString(), StringComparison.Ordinal);
        var steps = why.GetProperty("entries")[0].GetProperty("steps").EnumerateArray().Select(step => (Name: step.GetProperty("name").GetString()!, Outcome: step.GetProperty("outcome").GetString()!)).ToList();
        var failed = steps.FindIndex(step => step.Outcome == "failed");
        Assert.Equal(broken.Step, steps[failed].Name);
        Assert.All(steps[..failed], step => Assert.Equal("ok", step.Outcome));
        Assert.All(steps[(failed + 1)..], step => Assert.Equal("not_reached", step.Outcome));
        Assert.InRange(text.Length, 100, 8 * 1024);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_dry_run_comes_to_the_same_verdict_without_sending_anything(string kind)
    {
        var broken = BrokenRequests.All.Single(request => request.Name == kind);
        // What is no credential, no path and no method cannot be tried; limits, instances and services do not take part.
        if (broken.Step is "limits" or "service" || broken.Name is "too large" or "another host" or "a dead instance" or "an instance that says nothing" or "an instance that hangs up") return;
        var sent = await MakeAsync(broken);
        if (!sent.Target.StartsWith('/') || sent.Headers.Length > 0) return;
        var before = shared.Account.Requests.Count;
        var space = sent.Authorization?.IndexOf(' ', StringComparison.Ordinal) ?? -1;
        var (scheme, credential) = space < 0 ? (null, sent.Authorization) : (sent.Authorization![..space], sent.Authorization[(space + 1)..]);
        if (sent.Authorization is not null && space < 0) return;

        using var answer = await PostAsync(new { method = sent.Method, path = sent.Target, credential, scheme });

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var why = await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        Assert.Equal(broken.Reason, why.GetProperty("reason").GetString());
        Assert.False(why.GetProperty("allowed").GetBoolean());
        Assert.Contains(broken.Cause, why.GetProperty("cause").GetString(), StringComparison.Ordinal);
        Assert.Equal(broken.Step, why.GetProperty("entries")[0].GetProperty("steps").EnumerateArray().Single(step => step.GetProperty("outcome").GetString() == "failed").GetProperty("name").GetString());
        AssertNothingArrived(before);
    }

    [Fact]
    public async Task A_dry_run_of_what_is_let_through_names_the_instance_that_would_get_it()
    {
        var before = shared.Account.Requests.Count;

        using var answer = await PostAsync(new { method = "GET", path = "/accounts/current", credential = _door.Issuer.UserToken("alice", "ui") });

        var why = await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        Assert.True(why.GetProperty("allowed").GetBoolean());
        var steps = why.GetProperty("entries")[0].GetProperty("steps").EnumerateArray().ToList();
        Assert.Equal("not_reached", steps[^1].GetProperty("outcome").GetString());
        Assert.All(steps[..^1], step => Assert.Equal("ok", step.GetProperty("outcome").GetString()));
        Assert.Contains(shared.Account.Url.Authority, steps[^2].GetProperty("detail").GetString(), StringComparison.Ordinal);
        AssertNothingArrived(before);
    }

    [Theory]
    [InlineData("exchanged", true, "relay", "API tokens are not exchanged")]
    [InlineData("exchanged", false, null, null)]
    [InlineData("drained", false, "destination", "every instance of the service is drained (weight 0)")]
    [InlineData("pinned", false, "destination", "no instance of the service has the route's metadata")]
    [InlineData("nobody", false, "destination", "no instance of nobody is UP")]
    public async Task A_dry_run_stops_where_the_request_would(string route, bool apiToken, string? step, string? cause)
    {
        await using var door = await Door.OpenAsync([
            ("gateway:exchange:clientId", "exchanger"), ("gateway:exchange:clientSecret", "secret"), .. AccessShown.Route("exchanged", ("relay", "exchange")), .. AccessShown.Route("drained", ("service", "drained")),
            .. AccessShown.Route("pinned", ("instances:version", "2")), .. AccessShown.Route("nobody", ("service", "nobody"))]);
        var account = await door.AddAsync("account-service");
        await door.AddAsync("drained", null, null, null, ("weight", "0"));
        var credential = apiToken ? door.ApiToken() : door.Issuer.UserToken("alice", "ui");

        using var answer = await door.SendAsync(HttpMethod.Post, "/actuator/why", door.Issuer.UserToken("admin", "uaa.admin"), JsonContent.Create(new { method = "GET", path = $"/{route}/x", credential }));

        var why = await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        Assert.Equal(step is null, why.GetProperty("allowed").GetBoolean());
        var failed = why.GetProperty("entries")[0].GetProperty("steps").EnumerateArray().Where(one => one.GetProperty("outcome").GetString() == "failed").Select(one => one.GetProperty("name").GetString());
        Assert.Equal(step, failed.SingleOrDefault());
        if (cause is not null) Assert.Contains(cause, why.GetProperty("cause").GetString(), StringComparison.Ordinal);
        Assert.Empty(account.Requests);
        Assert.Empty(door.Issuer.Auth.TokenRequests);
    }

    [Theory]
    [InlineData(null, 401)]
    [InlineData("ui", 403)]
    public async Task Only_administrators_are_told(string? scope, int status)
    {
        var (_, id) = await shared.SendAsync(new Sent("/accounts/current"));
        var token = scope is null ? null : _door.Issuer.UserToken("alice", scope);

        using var told = await _door.GetAsync("/actuator/why/" + id, token);
        using var tried = await _door.SendAsync(HttpMethod.Post, "/actuator/why", token, JsonContent.Create(new { method = "GET", path = "/accounts/current" }));

        Assert.Equal(status, (int)told.StatusCode);
        Assert.Equal(status, (int)tried.StatusCode);
        Assert.DoesNotContain("cause", await told.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("00000000000000000000000000000000")]
    [InlineData("x")]
    [InlineData("00000000000000000000000000000000000")]
    public async Task An_unknown_id_is_404(string id)
    {
        using var answer = await _door.GetAsync("/actuator/why/" + id, shared.Admin);

        await AccessTests.AssertProblem(answer, 404, "not_found");
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("""{"method":"GET"}""")]
    [InlineData("""{"method":"GET","path":"no slash"}""")]
    [InlineData("""{"method":"GET","path":"/x","credential":"canary-unfinished""")]
    public async Task An_unreadable_dry_run_is_400_and_repeats_nothing(string body)
    {
        using var answer = await _door.SendAsync(HttpMethod.Post, "/actuator/why", shared.Admin, new StringContent(body, Encoding.UTF8, "application/json"));

        await AccessTests.AssertProblem(answer, 400, "invalid_request");
        Assert.DoesNotContain("canary", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_facts_of_a_token_stand_beside_what_was_expected()
    {
        var token = _door.Issuer.Token(("sub", "id-of-alice"), ("scope", new[] { "openid" }), ("jti", "the-token"), ("aud", "mesh://other"), ("nbf", 1_700_000_000));
        var (_, id) = await shared.SendAsync(Sent.Bearer(token));

        var credential = (await shared.WhyAsync(id)).Json.GetProperty("entries")[0].GetProperty("credential");

        Assert.Equal(("jwt", "Bearer", token.Length), (credential.GetProperty("kind").GetString(), credential.GetProperty("scheme").GetString(), credential.GetProperty("length").GetInt32()));
        Assert.Equal(("at+jwt", "ES256", _door.Issuer.Key.Kid), (credential.GetProperty("typ").GetString(), credential.GetProperty("alg").GetString(), credential.GetProperty("kid").GetString()));
        Assert.Equal(_door.Issuer.Issuer, credential.GetProperty("issuerExpected").GetString());
        Assert.Equal(["mesh://other"], credential.GetProperty("audience").EnumerateArray().Select(item => item.GetString()));
        Assert.Equal(["mesh://gateway"], credential.GetProperty("audienceExpected").EnumerateArray().Select(item => item.GetString()));
        Assert.Equal(("the-token", "id-of-alice", "app"), (credential.GetProperty("tokenId").GetString(), credential.GetProperty("subject").GetString(), credential.GetProperty("clientId").GetString()));
        Assert.Equal("2023-11-14T22:13:20Z", credential.GetProperty("notBefore").GetString());
        Assert.Equal(["openid"], credential.GetProperty("scopes").EnumerateArray().Select(item => item.GetString()));
    }

    [Theory]
    [InlineData(200)]
    [InlineData(302)]
    [InlineData(400)]
    [InlineData(404)]
    [InlineData(409)]
    public async Task What_a_service_answers_otherwise_is_not_kept(int status)
    {
        using var answer = await _door.GetAsync("/refusing-all/" + status);
        Assert.Equal(status, (int)answer.StatusCode);

        using var why = await _door.GetAsync("/actuator/why/" + answer.Headers.GetValues("X-Trace-Id").Single(), shared.Admin);

        Assert.Equal(HttpStatusCode.NotFound, why.StatusCode);
    }

    [Fact]
    public async Task Every_time_is_UTC_in_whole_seconds()
    {
        var (_, id) = await shared.SendAsync(Sent.Bearer(_door.Issuer.UserToken("alice")));
        using var tried = await PostAsync(new { method = "GET", path = "/accounts/current", credential = _door.Issuer.UserToken("alice", "ui") });

        foreach (var why in new[] { (await shared.WhyAsync(id)).Json, await tried.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken) })
        {
            var entry = why.GetProperty("entries")[0];
            var credential = entry.GetProperty("credential");
            Assert.All([entry.GetProperty("time"), credential.GetProperty("issuedAt"), credential.GetProperty("expiresAt")], time => Assert.Matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$", time.GetString()));
        }
    }

    [Fact]
    public async Task A_request_that_succeeds_is_not_kept()
    {
        using var answer = await _door.GetAsync("/accounts/current", _door.Issuer.UserToken("alice", "ui"));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);

        using var why = await _door.GetAsync("/actuator/why/" + answer.Headers.GetValues("X-Trace-Id").Single(), shared.Admin);

        Assert.Equal(HttpStatusCode.NotFound, why.StatusCode);
    }

    [Fact]
    public async Task A_flood_keeps_as_many_as_was_set_and_the_newest()
    {
        await using var door = await Door.OpenAsync(("gateway:explain:kept", "10"));
        var ids = new List<string>();
        for (var i = 0; i < 25; i++)
        {
            using var answer = await door.GetAsync("/accounts/" + new string('x', 3000), new string('y', 4000), ("X-Anything", new string('z', 4000)));
            ids.Add(answer.Headers.GetValues("X-Trace-Id").Single());
        }

        var kept = door.Gateway.Services.GetRequiredService<Explanations>();
        Assert.Equal(ids[15..], ids.Where(id => kept.Find(id).Count > 0));
        Assert.All(ids[15..], id => Assert.InRange(JsonSerializer.Serialize(kept.Find(id).Single()).Length, 100, 8 * 1024));
    }

    [Fact]
    public async Task Zero_keeps_nothing()
    {
        await using var door = await Door.OpenAsync(("gateway:explain:kept", "0"));
        using var refused = await door.GetAsync("/accounts/current");

        using var why = await door.GetAsync("/actuator/why/" + refused.Headers.GetValues("X-Trace-Id").Single(), door.Issuer.UserToken("admin", "uaa.admin"));

        Assert.Equal(HttpStatusCode.NotFound, why.StatusCode);
    }

    [Fact]
    public async Task The_instances_of_the_service_that_refused_are_asked_with_a_passport_of_the_administrator_for_it()
    {
        await using var door = await Door.OpenAsync();
        var account = await door.AddAsync("account-service", http =>
        {
            if (!http.Request.Path.StartsWithSegments("/actuator", StringComparison.Ordinal))
            {
                http.Response.StatusCode = 403;
                return Task.CompletedTask;
            }
            var id = http.Request.Path.Value!.Split('/')[^1];
            return http.Response.WriteAsJsonAsync(new { id, entries = new[] { new { id, service = "account-service", status = 403, cause = "none of the scopes server", fix = "ask the service", steps = Array.Empty<object>() } } });
        });
        var admin = door.Issuer.UserToken("admin", "uaa.admin", "openid");
        using var refused = await door.GetAsync("/accounts/current", door.Issuer.UserToken("alice", "ui"));
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);

        using var answer = await door.GetAsync("/actuator/why/" + refused.Headers.GetValues("X-Trace-Id").Single(), admin);

        var why = await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        Assert.Equal(("none of the scopes server", "ask the service"), (why.GetProperty("cause").GetString(), why.GetProperty("fix").GetString()));
        Assert.Equal(["gateway", "account-service"], why.GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("service").GetString()));
        Assert.Equal("explained", why.GetProperty("asked")[0].GetProperty("said").GetString());
        var asked = account.Last;
        Assert.StartsWith("/actuator/why/", asked.Target, StringComparison.Ordinal);
        Assert.NotEqual("Bearer " + admin, asked.Headers["Authorization"]);
        var claims = JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(asked.Headers["Authorization"].Split('.')[1])).RootElement;
        Assert.Equal(("mesh://account-service", "id-of-admin"), (claims.GetProperty("aud").GetString(), claims.GetProperty("sub").GetString()));
        Assert.Equal(["uaa.admin"], claims.GetProperty("scope").EnumerateArray().Select(scope => scope.GetString()));
    }

    [Fact]
    public async Task Each_instance_that_was_tried_is_named_with_what_it_said()
    {
        await using var door = await Door.OpenAsync();
        var first = await door.AddAsync("account-service");
        var second = await door.AddAsync("account-service");
        await first.KillAsync();
        await second.KillAsync();

        using var refused = await door.GetAsync("/accounts/current", door.Issuer.UserToken("alice", "ui"));

        var kept = door.Gateway.Services.GetRequiredService<Explanations>().Find(refused.Headers.GetValues("X-Trace-Id").Single()).Single();
        Assert.Contains(first.Url.Authority, kept.Cause, StringComparison.Ordinal);
        Assert.Contains(second.Url.Authority, kept.Cause, StringComparison.Ordinal);
        Assert.Equal(2, kept.Cause.Split("Request: Connection refused").Length - 1);
    }

    [Fact]
    public async Task What_a_service_says_that_is_no_HTTP_is_repeated_nowhere()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _ = Task.Run(async () =>
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
                await client.GetStream().ReadAtLeastAsync(new byte[4096], 1, cancellationToken: TestContext.Current.CancellationToken);
                await client.GetStream().WriteAsync("HTTP/1.1 200 OK\r\ncanary secret line\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
            }
        }, TestContext.Current.CancellationToken);
        await using var door = await Door.OpenAsync();
        door.Registry.Set([new ServiceInstance("odd", "ACCOUNT-SERVICE", ["account-service"], "UP", new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/"), new Dictionary<string, string>())]);
        await door.KnowsAsync("account-service", 1);

        using var refused = await door.GetAsync("/accounts/current", door.Issuer.UserToken("alice", "ui"));

        Assert.Equal(HttpStatusCode.BadGateway, refused.StatusCode);
        var kept = door.Gateway.Services.GetRequiredService<Explanations>().Find(refused.Headers.GetValues("X-Trace-Id").Single()).Single();
        Assert.Contains("the answer is not HTTP that can be read", kept.Cause, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", JsonSerializer.Serialize(kept) + string.Join('\n', door.Gateway.Logs), StringComparison.Ordinal);
    }

    [Fact]
    public void A_fault_of_the_explanation_costs_no_answer()
    {
        var kept = new Explanations(4);
        using var broken = new SecureMesh.Gateway.Explain.Explainer(kept, null!, null!, null!, null!, null!, null!, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<SecureMesh.Gateway.Explain.Explainer>.Instance);

        broken.Refused(new DefaultHttpContext { TraceIdentifier = new string('0', 32) }, SecureMesh.Gateway.Access.Refusal.Missing);

        Assert.Empty(kept.Find(new string('0', 32)));
    }

    [Fact]
    public async Task A_feed_that_is_cut_is_the_cause_on_a_critical_route()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts:revocation", "critical"), ("gateway:routes:accounts:criticalAfter", "1ms"));
        await door.AddAsync("account-service");
        door.Issuer.Auth.IsAway = true;
        door.Issuer.Auth.CutFeed();
        var token = door.Issuer.UserToken("alice", "ui");
        HttpResponseMessage? refused = null;
        await Eventually.AnswersAsync(async () =>
        {
            refused?.Dispose();
            refused = await door.GetAsync("/accounts/current", token);
            return refused.StatusCode == HttpStatusCode.ServiceUnavailable;
        }, "a critical route refuses while the feed is cut");

        using (refused)
        {
            var kept = door.Gateway.Services.GetRequiredService<Explanations>().Find(refused!.Headers.GetValues("X-Trace-Id").Single()).Single();
            Assert.Equal("unavailable", kept.Reason);
            Assert.Equal("revocation", kept.Steps.Single(step => step.Outcome == "failed").Name);
            Assert.Contains("health component revocations", kept.Fix, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("gateway-secret", 401, "introspection: auth answered 401", "MESH__CLIENTSECRET of the gateway (mesh.clientSecret) is not the one")]
    [InlineData("gateway-secret", 403, "introspection: auth answered 403", "the authority uaa.resource")]
    [InlineData("gateway-secret", 500, "introspection: auth answered 500", "look at auth's health and log")]
    [InlineData("", 200, "no secret of its own at auth", "give the gateway the secret of its own client")]
    public async Task When_auth_refuses_the_gateway_itself_its_own_credential_is_to_be_mended(string secret, int status, string cause, string fix)
    {
        await using var door = await Door.OpenAsync(null, issuer => issuer.Auth.AnswerIntrospection = _ => Task.FromResult<IResult?>(status == 200 ? null : Results.Json(new { error = "invalid_client" }, statusCode: status)),
            [("gateway:routes:accounts:online", "true")]);
        if (secret.Length == 0) door.Live.Change(("mesh:clientSecret", ""));
        await door.AddAsync("account-service");

        foreach (var token in new[] { door.Issuer.UserToken("alice", "ui"), door.Opaque() })
        {
            using var refused = await door.GetAsync("/accounts/current", token);

            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            var kept = door.Gateway.Services.GetRequiredService<Explanations>().Find(refused.Headers.GetValues("X-Trace-Id").Single()).Single();
            Assert.Equal("auth", kept.Steps.Single(step => step.Outcome == "failed").Name);
            Assert.Contains(cause, kept.Cause, StringComparison.Ordinal);
            Assert.Contains(fix, kept.Fix, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_keys_of_the_issuer_the_key_is_what_could_not_be_checked()
    {
        await using var door = await Door.OpenAsync(("mesh:auth:url", "http://127.0.0.1:9"));
        await door.AddAsync("account-service");

        using var refused = await door.GetAsync("/accounts/current", door.Issuer.UserToken("alice", "ui"));

        var kept = door.Gateway.Services.GetRequiredService<Explanations>().Find(refused.Headers.GetValues("X-Trace-Id").Single()).Single();
        Assert.Equal(("unavailable", "key"), (kept.Reason, kept.Steps.Single(step => step.Outcome == "failed").Name));
        Assert.Contains("auth does not give its keys", kept.Fix, StringComparison.Ordinal);
    }

    private async Task<Sent> MakeAsync(BrokenRequest broken)
    {
        var sent = broken.Make(_door.Issuer);
        if (broken.Step == "limits") (await _door.GetAsync("/limited", _door.Issuer.UserToken("alice", "ui"))).Dispose();
        if (broken.Step == "revocation")
        {
            // In force once a request with it is refused.
            await Eventually.AnswersAsync(async () => (await shared.SendAsync(sent)).Answer.Status == 401, "the revocation is in force");
        }
        return sent;
    }

    /// <summary>But for what was sent while a revocation came into force and arrives after its refusal; it carries the planted query.</summary>
    private void AssertNothingArrived(int before) =>
        Assert.DoesNotContain(shared.Account.Requests.Skip(before), received => !received.Target.Contains(ExplainDoor.Canary, StringComparison.Ordinal));

    private Task<HttpResponseMessage> PostAsync(object body) => _door.SendAsync(HttpMethod.Post, "/actuator/why", shared.Admin, JsonContent.Create(body));
}
