using System.Text.Json;

namespace SecureMesh.Auth.Tests.Clients;

public sealed class ClientAdministrationTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task A_client_is_made_read_changed_and_deleted_as_uaac_does_it()
    {
        var admin = await auth.AdminAsync();
        var made = await auth.CallAsync("POST", "uaa/oauth/clients", admin, """
            {"client_id":"shop","client_secret":"shopsecret","name":"Shop","scope":["openid","shop.*"],"authorities":["shop.read"],
             "authorized_grant_types":["authorization_code","client_credentials"],"redirect_uri":["https://shop.example/cb"],"autoapprove":true,
             "access_token_validity":"600","refresh_token_validity":"3600","allowedproviders":null,"allowpublic":false,"show_on_home_page":true}
            """);
        Assert.Equal(201, made.Status);
        Assert.Equal("application/json", made.Content.ContentType!.MediaType);
        Assert.DoesNotContain("secret", made.Body, StringComparison.Ordinal);
        Assert.Equal(["authorization_code", "client_credentials", "refresh_token"], made.Json.Texts("authorized_grant_types"));
        Assert.Equal(["none"], made.Json.Texts("resource_ids"));
        Assert.Equal(["true"], made.Json.Texts("autoapprove"));
        Assert.Equal(600, made.Json.GetProperty("access_token_validity").GetInt64());
        Assert.Equal(3600, made.Json.GetProperty("refresh_token_validity").GetInt64());
        Assert.True(made.Json.GetProperty("show_on_home_page").GetBoolean());
        Assert.Equal(JsonValueKind.Number, made.Json.GetProperty("lastModified").ValueKind);
        Assert.Equal(made.Body, (await auth.GetAsync("uaa/oauth/clients/shop", admin)).Body);
        Assert.Equal(200, (await auth.TokenAsync("shop:shopsecret", ("grant_type", "client_credentials"))).Status);

        auth.Clock.Advance(TimeSpan.FromSeconds(1));
        var changed = await auth.CallAsync("PUT", "uaa/oauth/clients/shop", admin, """
            {"client_id":"shop","client_secret":"ignored","scope":[],"authorities":"shop.read,shop.write","access_token_validity":"60","show_on_home_page":null,"colour":"red"}
            """);
        Assert.Equal(200, changed.Status);
        Assert.Equal(["openid", "shop.*"], changed.Json.Texts("scope"));
        Assert.Equal(["shop.read", "shop.write"], changed.Json.Texts("authorities"));
        Assert.Equal(["https://shop.example/cb"], changed.Json.Texts("redirect_uri"));
        Assert.Equal("red", changed.Text("colour"));
        Assert.False(changed.Json.TryGetProperty("show_on_home_page", out _));
        Assert.NotEqual(made.Json.GetProperty("lastModified").GetInt64(), changed.Json.GetProperty("lastModified").GetInt64());
        var token = await auth.TokenAsync("shop:shopsecret", ("grant_type", "client_credentials"));
        Assert.Equal(60, token.Json.GetProperty("expires_in").GetInt64());

        var deleted = await auth.CallAsync("DELETE", "uaa/oauth/clients/shop", admin);
        Assert.Equal(200, deleted.Status);
        Assert.Equal("shop", deleted.Text("client_id"));
        Assert.Equal(401, (await auth.TokenAsync("shop:shopsecret", ("grant_type", "client_credentials"))).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", token.AccessToken)).Status);
    }

    [Fact]
    public async Task A_client_that_does_not_exist_is_a_bare_404_and_a_taken_id_a_409()
    {
        var admin = await auth.AdminAsync();
        foreach (var method in new[] { "GET", "DELETE", "PUT" })
        {
            var missing = await auth.CallAsync(method, "uaa/oauth/clients/missing", admin, method == "PUT" ? "{}" : null);
            Assert.Equal((404, ""), (missing.Status, missing.Body));
        }
        var taken = await auth.CallAsync("POST", "uaa/oauth/clients", admin, """{"client_id":"app","client_secret":"xxxxxxx","authorized_grant_types":["client_credentials"]}""");
        Assert.Equal(409, taken.Status);
        Assert.Equal("""{"error":"invalid_client","error_description":"Client already exists: app"}""", taken.Body);
        var other = await auth.CallAsync("PUT", "uaa/oauth/clients/app", admin, """{"client_id":"web"}""");
        Assert.Equal((400, "invalid_client"), (other.Status, other.Text("error")));
    }

    [Fact]
    public async Task Clients_are_listed_filtered_and_paged()
    {
        var admin = await auth.AdminAsync();
        for (var i = 0; i < 3; i++)
            await auth.CallAsync("POST", "uaa/oauth/clients", admin, $$"""{"client_id":"list_{{i}}%","client_secret":"xxxxxxx","authorized_grant_types":["client_credentials"]}""");

        var one = await auth.GetAsync("uaa/oauth/clients/?filter=" + Uri.EscapeDataString("client_id eq \"LIST_1%\""), admin);
        Assert.Equal(200, one.Status);
        Assert.Equal("list_1%", one.Json.GetProperty("resources")[0].GetProperty("client_id").GetString());
        Assert.Equal((1, 1, 1), (one.Json.GetProperty("startIndex").GetInt32(), one.Json.GetProperty("itemsPerPage").GetInt32(), one.Json.GetProperty("totalResults").GetInt32()));
        Assert.Equal(["http://cloudfoundry.org/schema/scim/oauth-clients-1.0"], one.Json.Texts("schemas"));

        var page = await auth.GetAsync("uaa/oauth/clients?attributes=client_id,scope&startIndex=2&count=1&sortOrder=descending&filter=" + Uri.EscapeDataString("client_id sw \"list_\""), admin);
        Assert.Equal("""[{"client_id":"list_1%","scope":["uaa.none"]}]""", page.Json.GetProperty("resources").GetRawText());
        Assert.Equal(3, page.Json.GetProperty("totalResults").GetInt32());
        // The percent sign is a letter like any other, not a wildcard.
        var literal = await auth.GetAsync("uaa/oauth/clients?filter=" + Uri.EscapeDataString("client_id co \"_1%\" or client_id co \"app%\""), admin);
        Assert.Equal(1, literal.Json.GetProperty("totalResults").GetInt32());

        foreach (var bad in new[] { "filter=client_id", "filter=secret_hash+pr", "filter=client_secret+eq+%22x%22", "attributes=secret_hash", "sortBy=token_salt", "count=x", "startIndex=1&startIndex=2" })
        {
            var refused = await auth.GetAsync("uaa/oauth/clients?" + bad, admin);
            Assert.Equal((400, "scim"), (refused.Status, refused.Text("error")));
            Assert.Equal(refused.Text("message"), refused.Text("error_description"));
        }
    }

    [Fact]
    public async Task Only_the_scopes_of_the_contract_open_it()
    {
        var reader = await auth.CallerAsync("reader", "clients.read");
        Assert.Equal(200, (await auth.GetAsync("uaa/oauth/clients/app", reader)).Status);
        var refused = await auth.CallAsync("DELETE", "uaa/oauth/clients/app", reader);
        Assert.Equal(403, refused.Status);
        Assert.Equal("""{"error":"insufficient_scope","error_description":"Insufficient scope for this resource","scope":"clients.write clients.admin"}""", refused.Body);
        Assert.Equal(403, (await auth.GetAsync("uaa/oauth/clients", (await auth.SignInAsync()).AccessToken)).Status);
        var nobody = await auth.CallAsync("POST", "uaa/oauth/clients", null, "{}");
        Assert.Equal((401, "unauthorized"), (nobody.Status, nobody.Text("error")));
        Assert.StartsWith("Bearer", nobody.Challenge, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_for_another_zone_changes_nothing_here()
    {
        var admin = await auth.AdminAsync();
        Assert.Equal((404, ""), await StatusAndBody(("X-Identity-Zone-Subdomain", "other")));
        Assert.Equal((404, ""), await StatusAndBody(("X-Identity-Zone-Id", "other")));
        Assert.Equal(200, (await auth.CallAsync("GET", "uaa/oauth/clients/app", admin, null, ("X-Identity-Zone-Id", "uaa"), ("X-Identity-Zone-Subdomain", ""))).Status);

        async Task<(int, string)> StatusAndBody((string, string) header)
        {
            var reply = await auth.CallAsync("DELETE", "uaa/oauth/clients/app", admin, null, header);
            return (reply.Status, reply.Body);
        }
    }

    [Fact]
    public async Task V_020_who_may_write_clients_makes_none_more_powerful_than_its_own()
    {
        var writer = await auth.CallerAsync("writer", "clients.write", scope: "openid");
        async Task<Reply> Make(string id, string members) => await auth.CallAsync("POST", "uaa/oauth/clients", writer, $$"""{"client_id":"{{id}}","client_secret":"xxxxxxx",{{members}}}""");

        foreach (var bad in new[]
        {
            "\"authorized_grant_types\":\"client_credentials\",\"authorities\":\"uaa.admin\"",
            "\"authorized_grant_types\":\"client_credentials\",\"authorities\":\"clients.read\"",
            "\"authorized_grant_types\":\"client_credentials\",\"scope\":\"scim.write\"",
            "\"authorized_grant_types\":\"client_credentials\",\"scope\":\"*.write\"",
            "\"authorized_grant_types\":\"password\",\"scope\":\"grown.read\"",
            "\"authorized_grant_types\":\"urn:ietf:params:oauth:grant-type:jwt-bearer\",\"scope\":\"grown.read\"",
            "\"authorized_grant_types\":\"urn:ietf:params:oauth:grant-type:token-exchange\",\"scope\":\"grown.read\"",
            "\"authorized_grant_types\":\"user_token\",\"scope\":\"grown.read\"",
            "\"authorized_grant_types\":\"authorization_code,implicit\",\"scope\":\"grown.read\",\"redirect_uri\":\"https://a.example/\"",
            "\"authorized_grant_types\":\"client_credentials\",\"token_exchange_audiences\":[\"mesh://account-service\"]",
            "\"authorized_grant_types\":\"client_credentials\",\"allowed_cors_origins\":[\"https://a.example\"]",
            "\"authorized_grant_types\":\"client_credentials\",\"scope\":\"grown.read\",\"api_tokens\":true",
        })
            Assert.Equal((400, "invalid_client"), await Of(Make("grown", bad)));
        // An id that makes a scope of the mesh look like one's own.
        Assert.Equal((400, "invalid_client"), await Of(Make("scim", "\"authorized_grant_types\":\"client_credentials\",\"scope\":\"scim.write\"")));
        Assert.Equal((400, "invalid_client"), await Of(Make("config", "\"authorized_grant_types\":\"client_credentials\",\"authorities\":\"uaa.resource\"")));
        Assert.Equal(201, (await Make("grown", "\"authorized_grant_types\":\"client_credentials\",\"scope\":\"grown.read,writer.read,openid\",\"authorities\":\"uaa.resource\"")).Status);

        // Nor does it turn a powerful client into a tool, by change or deletion.
        Assert.Equal(400, (await auth.CallAsync("PUT", "uaa/oauth/clients/web", writer, """{"redirect_uri":"https://evil.example/"}""")).Status);
        Assert.Equal(400, (await auth.CallAsync("PUT", "uaa/oauth/clients/grown", writer, """{"authorities":"uaa.admin"}""")).Status);
        Assert.Equal(400, (await auth.CallAsync("PUT", "uaa/oauth/clients/grown", writer, """{"api_tokens":true}""")).Status);
        Assert.Equal(400, (await auth.CallAsync("DELETE", "uaa/oauth/clients/admin", writer)).Status);
        Assert.Equal(200, (await auth.CallAsync("DELETE", "uaa/oauth/clients/grown", writer)).Status);

        static async Task<(int, string)> Of(Task<Reply> reply) => ((await reply).Status, (await reply).Text("error"));
    }

    [Fact]
    public async Task Meta_has_a_default_and_is_kept()
    {
        var user = (await auth.SignInAsync()).AccessToken;
        var admin = await auth.AdminAsync();
        Assert.Equal("""{"clientId":"web","showOnHomePage":false,"createdBy":null}""", (await auth.GetAsync("uaa/oauth/clients/web/meta", user)).Body);
        Assert.Equal(404, (await auth.GetAsync("uaa/oauth/clients/missing/meta", user)).Status);
        var put = await auth.CallAsync("PUT", "uaa/oauth/clients/web/meta", admin, """{"clientId":"web","showOnHomePage":true,"appLaunchUrl":"https://a.example/","appIcon":"aWNvbg=="}""");
        Assert.Equal(200, put.Status);
        Assert.Equal(put.Body, (await auth.GetAsync("uaa/oauth/clients/web/meta", user)).Body);
        Assert.Equal(1, (await auth.GetAsync("uaa/oauth/clients/meta", user)).Json.GetArrayLength());
        Assert.Equal(400, (await auth.CallAsync("PUT", "uaa/oauth/clients/web/meta", admin, """{"appLaunchUrl":"javascript:alert(1)"}""")).Status);
        Assert.Equal(403, (await auth.CallAsync("PUT", "uaa/oauth/clients/web/meta", user, "{}")).Status);
    }

    [Fact]
    public async Task T_05_a_generated_secret_is_shown_once_and_no_answer_shows_a_stored_one()
    {
        var admin = await auth.AdminAsync();
        var made = await auth.CallAsync("POST", "uaa/oauth/clients", admin, """{"client_id":"generated","generate_secret":true,"authorized_grant_types":["client_credentials"]}""");
        var secret = made.Text("client_secret");
        Assert.Equal(43, secret.Length);
        Assert.Equal(200, (await auth.TokenAsync($"generated:{secret}", ("grant_type", "client_credentials"))).Status);

        var chosen = await auth.CallAsync("POST", "uaa/oauth/clients", admin, """{"client_id":"chosen","client_secret":"very-well-chosen","secondary_client_secret":"second-choice","authorized_grant_types":["client_credentials"]}""");
        foreach (var text in new[]
        {
            chosen.Body, (await auth.GetAsync("uaa/oauth/clients/generated", admin)).Body, (await auth.GetAsync("uaa/oauth/clients?attributes=client_id,name,wire,jwks", admin)).Body,
            (await auth.CallAsync("PUT", "uaa/oauth/clients/chosen", admin, "{}")).Body, (await auth.CallAsync("DELETE", "uaa/oauth/clients/chosen", admin)).Body,
        })
            foreach (var hidden in new[] { secret, "very-well-chosen", "second-choice", "pbkdf2", "sha256$", "secret", "salt" })
                Assert.DoesNotContain(hidden, text, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Two_secrets_given_at_the_creation_both_work()
    {
        await auth.CallAsync("POST", "uaa/oauth/clients", await auth.AdminAsync(), """{"client_id":"twice","client_secret":"first-one","secondary_client_secret":"second-one","authorized_grant_types":["client_credentials"]}""");
        await auth.ClientTokenAsync("twice", "first-one");
        await auth.ClientTokenAsync("twice", "second-one");
    }

    [Fact]
    public async Task A_changed_salt_or_a_lost_authority_ends_the_tokens_and_a_new_name_does_not()
    {
        var admin = await auth.AdminAsync();
        var token = await auth.CallerAsync("changing", "one.read,two.read");
        Assert.Equal(200, (await auth.CallAsync("PUT", "uaa/oauth/clients/changing", admin, """{"name":"New","redirect_uri":"https://a.example/"}""")).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", token)).Status);
        Assert.Equal(200, (await auth.CallAsync("PUT", "uaa/oauth/clients/changing", admin, """{"token_salt":"again"}""")).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", token)).Status);
        token = await auth.ClientTokenAsync("changing", "changing-secret");
        Assert.Equal(0, await Revocations());
        auth.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(200, (await auth.CallAsync("PUT", "uaa/oauth/clients/changing", admin, """{"authorities":"one.read"}""")).Status);
        Assert.Equal(1, await Revocations());

        Task<int> Revocations() => auth.ExecuteAsync("UPDATE revocations SET because = because WHERE kind = 'client' AND subject = 'changing' AND because = 'client lost authorities'");
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("""{"client_id":"a","client_id":"b"}""")]
    [InlineData("""{"client_id":"\ud800"}""")]
    [InlineData("""{"client_id":"a\u0000"}""")]
    [InlineData("""{"client_id":7}""")]
    [InlineData("""{"client_id":"odd","scope":{"a":1},"client_secret":"xxxxxxx","authorized_grant_types":["client_credentials"]}""")]
    [InlineData("""{"client_id":"odd","access_token_validity":"soon","client_secret":"xxxxxxx","authorized_grant_types":["client_credentials"]}""")]
    [InlineData("""{"client_id":"odd","access_token_validity":-1,"client_secret":"xxxxxxx","authorized_grant_types":["client_credentials"]}""")]
    [InlineData("""{"client_id":"odd","access_token_validity":1e99,"client_secret":"xxxxxxx","authorized_grant_types":["client_credentials"]}""")]
    [InlineData("""{"client_id":"odd","require_pkce":"perhaps","client_secret":"xxxxxxx","authorized_grant_types":["client_credentials"]}""")]
    [InlineData("""{"client_id":"odd","post_logout_redirect_uris":"https://a.example/","client_secret":"xxxxxxx","authorized_grant_types":["client_credentials"]}""")]
    public async Task Odd_bodies_are_refused(string body)
    {
        var reply = await auth.CallAsync("POST", "uaa/oauth/clients", await auth.AdminAsync(), body);

        Assert.Equal(400, reply.Status);
        Assert.Equal("application/json", reply.Content.ContentType!.MediaType);
    }
}
