using System.Text;
using Dapper;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Attacks;

public sealed class AdministrationAttackTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task V_025_V_039_no_answer_of_the_administration_holds_anything_that_is_stored_as_a_secret()
    {
        var admin = await auth.AdminAsync();
        var bodies = new List<string>();
        async Task<Reply> Call(string method, string path, string? json = null, params (string, string)[] headers)
        {
            var reply = await auth.CallAsync(method, path, admin, json, headers);
            Assert.InRange(reply.Status, 200, 422);
            bodies.Add(reply.Body + reply.Headers);
            return reply;
        }
        await Call("POST", "uaa/oauth/clients", """{"client_id":"scanned","client_secret":"first-hidden-word","secondary_client_secret":"second-hidden-word","authorized_grant_types":["client_credentials"],"authorities":"x.y"}""");
        await Call("PUT", "uaa/oauth/clients/scanned", """{"name":"S","token_salt":"hidden-salt"}""");
        await Call("PUT", "uaa/oauth/clients/scanned/secret", """{"changeMode":"DELETE"}""");
        await Call("PUT", "uaa/oauth/clients/scanned/secret", """{"changeMode":"ADD","secret":"third-hidden-word"}""");
        await Call("PUT", "uaa/oauth/clients/scanned/meta", """{"clientName":"S"}""");
        await Call("POST", "uaa/oauth/clients", """{"client_id":"scanned","client_secret":"fourth-hidden-word","authorized_grant_types":["client_credentials"]}""");
        var id = (await Call("POST", "uaa/Users", """{"userName":"scanned","password":"hidden-password","emails":[{"value":"s@example.org"}]}""")).Text("id");
        await Call("POST", "uaa/Users", """{"userName":"scanned","password":"hidden-password","emails":[{"value":"s@example.org"}]}""");
        await Call("PUT", $"uaa/Users/{id}/password", """{"password":"hidden-password-2"}""");
        await Call("PATCH", $"uaa/Users/{id}/status", """{"locked":false}""");
        await Call("PATCH", $"uaa/Users/{id}", """{"displayName":"S"}""", ("If-Match", "*"));
        foreach (var path in new[]
        {
            "uaa/oauth/clients?count=500", "uaa/oauth/clients/scanned", "uaa/oauth/clients/scanned/meta", "uaa/oauth/clients/meta", "uaa/Users?count=500", $"uaa/Users/{id}",
            "uaa/ids/Users?filter=userName+eq+%22scanned%22", "uaa/api-tokens", "uaa/oauth/clients?attributes=client_secret", "uaa/Users?attributes=password,salt",
        })
            await Call("GET", path);
        var stored = await StoredSecretsAsync();
        await Call("DELETE", "uaa/oauth/clients/scanned");
        await Call("DELETE", $"uaa/Users/{id}");

        Assert.True(stored.Count > 10, $"only {stored.Count} stored secrets were found to look for");
        foreach (var body in bodies)
            foreach (var hidden in stored.Concat(["hidden-word", "hidden-password", "hidden-salt", "adminsecret", "web-secret"]))
                Assert.DoesNotContain(hidden, body, StringComparison.Ordinal);
        Assert.DoesNotContain(auth.Logs, line => line.Contains("hidden-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task V_029_there_is_no_page_token_to_forge_and_what_asks_for_a_page_is_a_number()
    {
        var admin = await auth.AdminAsync();
        foreach (var page in new[] { "1%20UNION%20SELECT%20*%20FROM%20users", "1;DROP%20TABLE%20users", "'", "1%27", "0x1", "99999999999999999999", "1e3", "eyJ0IjoxfQ" })
        {
            Assert.Equal(400, (await auth.GetAsync($"uaa/Users?startIndex={page}", admin)).Status);
            Assert.Equal(400, (await auth.GetAsync($"uaa/oauth/clients?count={page}", admin)).Status);
            Assert.Equal(400, (await auth.GetAsync($"uaa/Users?sortBy={page}", admin)).Status);
            Assert.Equal(400, (await auth.GetAsync($"uaa/Users?sortOrder={page}", admin)).Status);
        }
        Assert.Equal(200, (await auth.GetAsync("uaa/Users?startIndex=-5&count=100000", admin)).Status);
        Assert.Equal(500, (await auth.GetAsync("uaa/Users?count=100000", admin)).Json.GetProperty("itemsPerPage").GetInt32());
    }

    [Fact]
    public async Task V_018_V_074_a_registered_name_is_no_address_however_it_looks()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/users") { Content = new StringContent("""{"username":"victim@corp.example","password":"geheim7"}""", Encoding.UTF8, "application/json") };
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + await auth.ServerTokenAsync());
        Assert.Equal(200, (await auth.SendAsync(request)).Status);

        var signedIn = await auth.SignInAsync("victim@corp.example", "geheim7", "ui openid");
        Assert.False(signedIn.Claims.TryGetProperty("email", out _));
        var told = (await auth.GetAsync("uaa/userinfo", signedIn.AccessToken)).Json;
        Assert.Equal("victim@corp.example", told.GetProperty("user_name").GetString());
        Assert.False(told.TryGetProperty("email", out _));
        Assert.False(told.TryGetProperty("email_verified", out _));
        if (signedIn.Json.TryGetProperty("id_token", out var idToken))
            Assert.False(Jwt.Payload(idToken.GetString()!).TryGetProperty("email", out _));
        Assert.Equal("[]", (await auth.GetAsync("uaa/Users?filter=userName+eq+%22victim@corp.example%22", await auth.AdminAsync())).Json.GetProperty("resources")[0].GetProperty("emails").GetRawText());
    }

    [Fact]
    public async Task V_036_no_member_of_a_registration_becomes_a_claim_of_a_token()
    {
        var made = await auth.CallAsync("POST", "uaa/oauth/clients", await auth.AdminAsync(), """
            {"client_id":"mapper","client_secret":"mapper-secret","authorized_grant_types":["client_credentials"],"authorities":"x.y","sub":"admin","iss":"https://evil.example",
             "aud":["mesh://account-service"],"exp":9999999999,"roles":["root"],"user_id":"0","grant_id":"g","rev_sig":"r","token_use":"id","cnf":{"jkt":"x"},"act":{"sub":"x"}}
            """);
        Assert.True(made.Status == 201, made.Body);
        var token = await auth.ClientTokenAsync("mapper", "mapper-secret");
        var claims = Jwt.Payload(token);
        Assert.Equal("mapper", claims.GetProperty("sub").GetString());
        Assert.Equal("http://localhost:8080/uaa/oauth/token", claims.GetProperty("iss").GetString());
        Assert.Equal(["mapper", "x", "mesh://gateway"], claims.Texts("aud"));
        Assert.Equal(600, claims.GetProperty("exp").GetInt64() - claims.GetProperty("iat").GetInt64());
        Assert.Equal("access", claims.GetProperty("token_use").GetString());
        foreach (var name in new[] { "roles", "user_id", "cnf", "act", "grant_id" }) Assert.False(claims.TryGetProperty(name, out _), name);
        // A member that is a column keeps its meaning and is not stored twice.
        Assert.Equal(1, await auth.ExecuteAsync("UPDATE clients SET metadata = metadata WHERE client_id = 'mapper' AND metadata NOT LIKE '%mapper-secret%' AND metadata NOT LIKE '%authorities%'"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task X_16_V_030_a_revocation_that_cannot_be_stored_is_a_503_and_nothing_is_half_done(SqlEngine engine)
    {
        await using var own = await DemoAuth.StartAsync(engine);
        var admin = await own.AdminAsync();
        var id = await own.UserAsync("halfway");
        var signedIn = await own.SignInAsync("halfway", "geheim7", "openid");
        await own.ExecuteAsync("ALTER TABLE revocation_sequence RENAME TO revocation_sequence_away");

        foreach (var refused in new[]
        {
            await own.CallAsync("DELETE", $"uaa/Users/{id}", admin),
            await own.CallAsync("PUT", $"uaa/Users/{id}/password", admin, """{"password":"geheim8"}"""),
            await own.CallAsync("PATCH", $"uaa/Users/{id}", admin, """{"active":false}""", ("If-Match", "*")),
            await own.CallAsync("DELETE", "uaa/oauth/clients/app", admin),
            await own.CallAsync("PUT", "uaa/oauth/clients/app/secret", admin, """{"secret":"another-secret"}"""),
        })
        {
            Assert.Equal((503, "uaa_unavailable"), (refused.Status, refused.Text("error")));
            Assert.True(refused.Headers.RetryAfter is not null);
        }
        await own.ExecuteAsync("ALTER TABLE revocation_sequence_away RENAME TO revocation_sequence");

        Assert.Equal(200, (await own.RefreshAsync(signedIn.RefreshToken)).Status);
        Assert.Equal(200, (await own.SignInAsync("halfway", "geheim7", "openid")).Status);
        Assert.Equal(200, (await own.SignInAsync(client: "app:appclientsecret", scope: "openid")).Status);
        Assert.Equal(0, await own.ExecuteAsync("DELETE FROM revocations WHERE kind IN ('user', 'client')"));
    }

    private async Task<List<string>> StoredSecretsAsync()
    {
        await using var database = auth.Database.Open("auth");
        await using var connection = await database.OpenAsync();
        var found = await connection.QueryAsync<string>("""
            SELECT secret_hash FROM clients WHERE secret_hash <> 'empty' UNION SELECT older_secret_hash FROM clients UNION SELECT token_salt FROM clients
            UNION SELECT password_hash FROM users UNION SELECT salt FROM users UNION SELECT sealed_private FROM signing_keys UNION SELECT token_hash FROM refresh_tokens
            """);
        return [.. found.Where(value => !string.IsNullOrEmpty(value) && value.Length > 8)];
    }
}
