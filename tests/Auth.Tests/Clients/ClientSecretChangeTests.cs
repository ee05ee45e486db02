namespace SecureMesh.Auth.Tests.Clients;

public sealed class ClientSecretChangeTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task T_05_a_second_secret_changes_nothing_until_the_older_one_is_deleted()
    {
        var admin = await auth.AdminAsync();
        var token = await auth.CallerAsync("rotating", "some.read");
        var one = await Change("rotating", admin, """{"clientId":"rotating","changeMode":"DELETE"}""");
        Assert.Equal("""{"error":"invalid_client","error_description":"client secret is either empty or client has only one secret."}""", one.Body);
        Assert.Equal(400, one.Status);

        var added = await Change("rotating", admin, """{"secret":"the-second","changeMode":"ADD"}""");
        Assert.Equal("""{"status":"ok","message":"Secret is added"}""", added.Body);
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", token)).Status);
        await auth.ClientTokenAsync("rotating", "rotating-secret");
        await auth.ClientTokenAsync("rotating", "the-second");
        var third = await Change("rotating", admin, """{"secret":"the-third","changeMode":"ADD"}""");
        Assert.Equal("""{"error":"invalid_client","error_description":"client secret is either empty or client already has two secrets."}""", third.Body);

        Assert.Equal("""{"status":"ok","message":"Secret is deleted"}""", (await Change("rotating", admin, """{"changeMode":"DELETE"}""")).Body);
        Assert.Equal(401, (await auth.TokenAsync("rotating:rotating-secret", ("grant_type", "client_credentials"))).Status);
        await auth.ClientTokenAsync("rotating", "the-second");
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", token)).Status);
    }

    [Fact]
    public async Task T_11_a_replaced_secret_ends_what_came_of_the_old_one()
    {
        var admin = await auth.AdminAsync();
        var signedIn = await auth.SignInAsync(client: "app:appclientsecret", scope: "openid");
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", signedIn.AccessToken)).Status);

        var replaced = await Change("app", admin, """{"secret":"new-app-secret"}""");
        Assert.Equal("""{"status":"ok","message":"secret updated"}""", replaced.Body);

        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", signedIn.AccessToken)).Status);
        Assert.Equal(401, (await auth.RefreshAsync(signedIn.RefreshToken, "app:new-app-secret")).Status);
        Assert.Equal(401, (await auth.SignInAsync(client: "app:appclientsecret", scope: "openid")).Status);
        Assert.Equal(1, await auth.ExecuteAsync("UPDATE revocations SET because = because WHERE kind = 'client' AND subject = 'app' AND not_before IS NOT NULL"));
        Assert.Equal(1, await auth.ExecuteAsync("UPDATE refresh_families SET revoked_because = revoked_because WHERE client_id = 'app' AND revoked_because = 'client secret replaced'"));
        Assert.Equal(200, (await auth.SignInAsync(client: "app:new-app-secret", scope: "openid")).Status);
    }

    [Fact]
    public async Task A_client_changes_its_own_secret_with_the_old_one_and_no_other_clients()
    {
        var own = await auth.CallerAsync("selfish", "clients.secret");
        const string required = """{"error":"invalid_client","error_description":"Previous secret is required and must be valid"}""";
        Assert.Equal(required, (await Change("selfish", own, """{"secret":"brand-new"}""")).Body);
        Assert.Equal(required, (await Change("selfish", own, """{"secret":"brand-new","oldSecret":"wrong"}""")).Body);
        Assert.Equal("""{"error":"invalid_client","error_description":"Bad request. Not permitted to change another client's secret"}""",
            (await Change("web", own, """{"secret":"brand-new","oldSecret":"web-secret"}""")).Body);
        Assert.Equal(400, (await Change("selfish", own, """{"clientId":"web","secret":"brand-new","oldSecret":"selfish-secret"}""")).Status);
        Assert.Equal(200, (await Change("selfish", own, """{"secret":"brand-new","oldSecret":"selfish-secret"}""")).Status);
        await auth.ClientTokenAsync("selfish", "brand-new");
    }

    [Fact]
    public async Task A_new_secret_keeps_to_the_policy_and_can_be_generated()
    {
        var admin = await auth.AdminAsync();
        await auth.CallerAsync("policed", "some.read");
        Assert.Equal("""{"error":"invalid_client","error_description":"Client Secret must be at least 6 characters in length."}""", (await Change("policed", admin, """{"secret":"short"}""")).Body);
        Assert.Equal(400, (await Change("policed", admin, $$"""{"secret":"{{new string('x', 129)}}"}""")).Status);
        Assert.Equal(400, (await Change("policed", admin, "{}")).Status);
        Assert.Equal(400, (await Change("policed", admin, """{"secret":"good-enough","changeMode":"SHUFFLE"}""")).Status);
        Assert.Equal(400, (await Change("mesh-cli", admin, """{"secret":"good-enough"}""")).Status);
        Assert.Equal(404, (await Change("missing", admin, """{"secret":"good-enough"}""")).Status);
        var generated = await Change("policed", admin, """{"generate_secret":true}""");
        await auth.ClientTokenAsync("policed", generated.Text("client_secret"));
    }

    [Theory]
    [InlineData("p%41ss+word: 100%")]
    [InlineData("a%2Bb+c d")]
    public async Task A_secret_with_every_awkward_character_works_encoded_and_raw(string secret)
    {
        var admin = await auth.AdminAsync();
        var id = "awkward" + secret.Length;
        await auth.CallAsync("POST", "uaa/oauth/clients", admin,
            $$"""{"client_id":"{{id}}","client_secret":"{{secret}}","authorized_grant_types":["client_credentials"]}""");

        await auth.ClientTokenAsync(id, secret);
        await auth.ClientTokenAsync(id, System.Net.WebUtility.UrlEncode(secret));
        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/token", null, ("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret))).Status);
    }

    [Fact]
    public async Task Keys_are_added_replaced_and_removed()
    {
        const string key = """{"kty":"EC","crv":"P-256","kid":"k1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}""";
        var admin = await auth.AdminAsync();
        var own = await auth.CallerAsync("keyed", "clients.trust");
        var other = key.Replace("k1", "k2", StringComparison.Ordinal);
        Assert.Equal("""{"status":"ok","message":"Client jwt configuration is added"}""", (await Keys("keyed", own, $$"""{"client_id":"keyed","jwks":{{key}}}""")).Body);
        Assert.Equal(200, (await Keys("keyed", own, $$"""{"jwks":{{System.Text.Json.JsonSerializer.Serialize($$"""{"keys":[{{other}}]}""")}}}""")).Status);
        Assert.Equal(["k1", "k2"], await Kids());
        Assert.Equal(200, (await Keys("keyed", own, """{"kid":"k1","changeMode":"DELETE","jwks_uri":"*"}""")).Status);
        Assert.Equal(["k2"], await Kids());
        Assert.Equal(200, (await Keys("keyed", admin, """{"jwks_uri":"https://a.example/keys","changeMode":"UPDATE"}""")).Status);
        var shown = (await auth.GetAsync("uaa/oauth/clients/keyed", admin)).Json;
        Assert.Equal("https://a.example/keys", shown.GetProperty("jwks_uri").GetString());
        Assert.False(shown.TryGetProperty("jwks", out _));
        Assert.Equal(200, (await Keys("keyed", admin, """{"jwks_uri":"*","changeMode":"DELETE"}""")).Status);
        Assert.False((await auth.GetAsync("uaa/oauth/clients/keyed", admin)).Json.TryGetProperty("jwks_uri", out _));

        Assert.Equal(400, (await Keys("web", own, $$"""{"jwks":{{key}}}""")).Status);
        Assert.Equal(400, (await Keys("keyed", own, """{"jwks":{"kty":"oct","k":"AAAA"}}""")).Status);
        Assert.Equal(400, (await Keys("keyed", own, """{"jwks":"not json"}""")).Status);
        Assert.Equal(400, (await Keys("keyed", own, """{"iss":"https://a.example","sub":"x","aud":"y"}""")).Status);

        async Task<string[]> Kids() => [.. (await auth.GetAsync("uaa/oauth/clients/keyed", admin)).Json.GetProperty("jwks").GetProperty("keys")
            .EnumerateArray().Select(jwk => jwk.GetProperty("kid").GetString()!)];
    }

    private Task<Reply> Change(string id, string bearer, string json) => auth.CallAsync("PUT", $"uaa/oauth/clients/{id}/secret", bearer, json);

    private Task<Reply> Keys(string id, string bearer, string json) => auth.CallAsync("PUT", $"uaa/oauth/clients/{id}/clientjwt", bearer, json);
}
