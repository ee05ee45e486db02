using System.Net;
using System.Text.Json;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Protected resource metadata (RFC 9728), by the rows of the contract.</summary>
public sealed class MetadataTests(SharedDoor shared) : IClassFixture<SharedDoor>
{
    private const string Base = "https://mesh.example:8443";

    private Door Door => shared.Door;

    [Theory]
    [InlineData("/accounts/current", "/accounts/current")]
    [InlineData("/accounts/a%20b", "/accounts/a%20b")]
    [InlineData("/accounts/x?y=z", "/accounts/x")]
    public async Task M_04_the_challenge_leads_to_metadata_of_the_very_resource(string asked, string resource)
    {
        using var refused = await Door.GetAsync(asked);

        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        var challenge = Assert.Single(refused.Headers.WwwAuthenticate);
        Assert.Equal("Bearer", challenge.Scheme);
        Assert.Equal($"realm=\"securemesh\", resource_metadata=\"{Base}/.well-known/oauth-protected-resource{resource}\"", challenge.Parameter);
        using var answer = await Door.GetAsync("/.well-known/oauth-protected-resource" + resource);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal(["*"], answer.Headers.GetValues("Access-Control-Allow-Origin"));
        var json = await JsonAsync(answer);
        Assert.Equal(Base + resource, json.GetProperty("resource").GetString());
        Assert.Equal([Door.Issuer.Settings.Single(pair => pair.Key == "mesh:issuer").Value], Texts(json, "authorization_servers"));
        Assert.Equal(["server", "ui"], Texts(json, "scopes_supported"));
        Assert.Equal(["header"], Texts(json, "bearer_methods_supported"));
        Assert.Contains("ES256", Texts(json, "dpop_signing_alg_values_supported"));
        Assert.False(json.GetProperty("tls_client_certificate_bound_access_tokens").GetBoolean());
        // Nothing it answers is signed for the caller.
        Assert.False(json.TryGetProperty("jwks_uri", out _));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("/", "/")]
    public async Task M_04_without_a_path_it_speaks_of_all_that_is_behind_the_gateway(string asked, string path)
    {
        using var answer = await Door.GetAsync("/.well-known/oauth-protected-resource" + asked);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var json = await JsonAsync(answer);
        Assert.Equal(Base + path, json.GetProperty("resource").GetString());
        Assert.Equal(["server", "ui"], Texts(json, "scopes_supported"));
    }

    [Theory]
    [InlineData("/nothing/here")]
    [InlineData("/uaa/oauth/token")] // public: nobody needs a token of anybody's
    [InlineData("/actuator/why/1")]
    public async Task M_04_what_asks_for_no_token_has_no_metadata(string path)
    {
        using var answer = await Door.GetAsync("/.well-known/oauth-protected-resource" + path);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task M_04_a_bad_token_leads_there_too_and_a_path_of_any_length_does_not_grow_the_answer()
    {
        using var bad = await Door.GetAsync("/accounts/current", "nonsense");
        Assert.Matches($"^Bearer realm=\"securemesh\", error=\"invalid_token\", .*, resource_metadata=\"{Base}/.well-known/oauth-protected-resource/accounts/current\"$", bad.Headers.WwwAuthenticate.ToString());

        // Nor is what may be a token in the address repeated.
        foreach (var path in new[] { string.Concat(Enumerable.Repeat("/a", 600)), "/" + new string('a', 41) })
        {
            using var longer = await Door.GetAsync("/accounts" + path);
            Assert.Equal("Bearer realm=\"securemesh\"", longer.Headers.WwwAuthenticate.ToString());
        }
    }

    [Fact]
    public async Task M_04_nothing_of_a_caller_ends_the_quoted_address()
    {
        using var refused = await Door.GetAsync("/accounts/a%22,%20error=%22x");

        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal(
            $"Bearer realm=\"securemesh\", resource_metadata=\"{Base}/.well-known/oauth-protected-resource/accounts/a%22,%20error=%22x\"",
            refused.Headers.WwwAuthenticate.ToString());
    }

    [Fact]
    public async Task M_04_where_passwords_are_taken_as_well_only_the_challenge_for_tokens_names_it()
    {
        await using var door = await Door.OpenAsync(
            ("gateway:basic:client", "proxy"), ("gateway:basic:clientSecret", "proxy-secret"),
            ("gateway:routes:both:path", "/both/{**rest}"), ("gateway:routes:both:service", "account-service"), ("gateway:routes:both:scopes:0", "some.*"),
            ("gateway:routes:both:credentials:0", "jwt"), ("gateway:routes:both:credentials:1", "basic"),
            ("gateway:routes:basic:path", "/basic/{**rest}"), ("gateway:routes:basic:service", "account-service"), ("gateway:routes:basic:scopes:0", "ui"),
            ("gateway:routes:basic:credentials:0", "basic"));

        using var both = await door.GetAsync("/both/x");
        Assert.Equal(
            "Bearer realm=\"securemesh\", resource_metadata=\"http://localhost:8080/.well-known/oauth-protected-resource/both/x\", Basic realm=\"securemesh\", charset=\"UTF-8\"",
            both.Headers.WwwAuthenticate.ToString());
        // A pattern is nothing that a client could ask for.
        Assert.Empty(Texts(await JsonAsync(await door.GetAsync("/.well-known/oauth-protected-resource/both/x")), "scopes_supported"));
        using var basic = await door.GetAsync("/basic/x");
        Assert.Equal("Basic realm=\"securemesh\", charset=\"UTF-8\"", basic.Headers.WwwAuthenticate.ToString());
        Assert.Equal(HttpStatusCode.NotFound, (await door.GetAsync("/.well-known/oauth-protected-resource/basic/x")).StatusCode);
    }

    [Fact]
    public async Task M_04_only_the_routes_that_would_serve_the_path_are_asked_for_and_nobody_takes_the_address_away()
    {
        await using var door = await Door.OpenAsync(
            ("gateway:routes:all:path", "/{**rest}"), ("gateway:routes:all:service", "account-service"), ("gateway:routes:all:scopes:0", "uaa.admin"),
            ("gateway:routes:docs:path", "/docs/{**rest}"), ("gateway:routes:docs:service", "account-service"), ("gateway:routes:docs:access", "public"),
            ("gateway:routes:put:path", "/things/{id}"), ("gateway:routes:put:service", "account-service"), ("gateway:routes:put:scopes:0", "things.write"), ("gateway:routes:put:methods:0", "PUT"));

        Assert.Equal(HttpStatusCode.NotFound, (await door.GetAsync("/.well-known/oauth-protected-resource/docs/a")).StatusCode);
        Assert.Equal(["server", "ui"], Texts(await JsonAsync(await door.GetAsync("/.well-known/oauth-protected-resource/accounts/current")), "scopes_supported"));
        Assert.Equal(["things.write", "uaa.admin"], Texts(await JsonAsync(await door.GetAsync("/.well-known/oauth-protected-resource/things/1")), "scopes_supported"));
        // A changed address is in force, and one that is none changes nothing.
        door.Live.Change(("gateway:url", "https://other.example"));
        await Eventually.AnswersAsync(async () => (await door.GetAsync("/accounts/x")).Headers.WwwAuthenticate.ToString().Contains("https://other.example/.well-known", StringComparison.Ordinal), "the new address");
        Assert.Throws<AggregateException>(() => door.Live.Change(("gateway:url", "nonsense")));
        using var still = await door.GetAsync("/accounts/x");
        Assert.Equal(HttpStatusCode.Unauthorized, still.StatusCode);
        Assert.Contains("https://other.example/.well-known", still.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        foreach (var path in new[] { "/.well-known/oauth-protected-resource/x", "/.Well-Known/OAUTH-protected-resource/{**rest}" })
            Assert.Contains("answered by the gateway itself", SecureMesh.Gateway.Routes.RoutePath.Fault(path), StringComparison.Ordinal);
    }

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage answer) =>
        JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;

    private static string[] Texts(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(item => item.GetString()!)];
}
