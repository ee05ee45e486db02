using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Tests.Authorize;

namespace SecureMesh.Auth.Tests.Contract;

/// <summary>What is told of a person: the claims of each scope, signed where a client wants that, and nothing that nobody has proved.</summary>
public sealed class RowsOfPersons(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private const string Address = """{"formatted":"Weg 1\n10115 Berlin","street_address":"Weg 1","locality":"Berlin","postal_code":"10115","country":"DE"}""";

    [Theory]
    [InlineData("uaa")]
    [InlineData("rfc")]
    public async Task OP_B_11_with_scope_address_the_address_is_an_object_and_without_it_is_not_told(string wire)
    {
        await PersonAsync("wohnt-" + wire);
        await auth.RegisterAsync("postman-" + wire, "password", "openid address profile", wire: wire);

        var with = await InfoAsync("wohnt-" + wire, "openid address", "postman-" + wire);
        var without = await InfoAsync("wohnt-" + wire, "openid profile", "postman-" + wire);

        Assert.Equal(Address, with.Json.GetProperty("address").GetRawText());
        Assert.False(without.Json.TryGetProperty("address", out _));
    }

    [Fact]
    public async Task OP_B_11_an_administrator_stores_one_address_shows_it_and_takes_it_away()
    {
        var made = await PersonAsync("umzug");
        var (path, admin) = ("uaa/Users/" + made.Text("id"), await auth.AdminAsync());
        Task<Reply> PatchAsync(string json, int version) => auth.CallAsync("PATCH", path, admin, json, ("If-Match", $"{version}"));

        Assert.Equal("""[{"formatted":"Weg 1\n10115 Berlin","streetAddress":"Weg 1","locality":"Berlin","postalCode":"10115","country":"DE"}]""", made.Json.GetProperty("addresses").GetRawText());
        Assert.Equal(400, (await PatchAsync("""{"addresses":[{"locality":"A"},{"locality":"B"}]}""", 0)).Status);
        Assert.Equal(400, (await PatchAsync("""{"addresses":[{"locality":1}]}""", 0)).Status);
        Assert.Equal(400, (await PatchAsync("""{"addresses":[{"locality":"A","LOCALITY":"B"}]}""", 0)).Status);
        Assert.Equal(400, (await PatchAsync("""{"addresses":["Berlin"]}""", 0)).Status);
        Assert.Equal("""[{"locality":"Bonn"}]""", (await PatchAsync("""{"addresses":[{"locality":"Bonn","type":"home"}]}""", 0)).Json.GetProperty("addresses").GetRawText());
        Assert.Equal("Bonn", (await PatchAsync("""{"nickName":"Rhein"}""", 1)).Json.GetProperty("addresses")[0].GetProperty("locality").GetString());
        Assert.False((await PatchAsync("""{"meta":{"attributes":["addresses"]}}""", 2)).Json.TryGetProperty("addresses", out _));
    }

    [Fact]
    public async Task OP_B_13_with_all_scopes_all_claims_come_together()
    {
        await PersonAsync("alles");
        await auth.RegisterAsync("curious", "password", "openid profile email address phone", wire: "rfc");

        var info = await InfoAsync("alles", "openid profile email address phone", "curious");

        Assert.Equal(
            ["sub", "preferred_username", "name", "given_name", "family_name", "nickname", "profile", "locale", "zoneinfo", "address", "email", "email_verified", "phone_number", "phone_number_verified"],
            info.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal(("Al", "https://people.example/al", "de-DE", "Europe/Berlin"), (info.Text("nickname"), info.Text("profile"), info.Text("locale"), info.Text("zoneinfo")));
    }

    [Theory]
    [InlineData("RS256")]
    [InlineData("ES256")]
    public async Task OP_D_02_O_06_OP_C_07_who_is_registered_for_it_gets_userinfo_signed_with_iss_and_aud(string algorithm)
    {
        var client = "signed-" + algorithm;
        await auth.RegisterAsync(client, "password", "openid email", metadata: new ClientMetadata { UserInfoSignedResponseAlg = algorithm }, wire: "rfc");

        var info = await InfoAsync("demo", "openid email", client);

        Assert.Equal("application/jwt", info.Content.ContentType!.MediaType);
        Assert.Equal("no-store", info.Headers.CacheControl!.ToString());
        var claims = Jwt.Payload(info.Body);
        Assert.Equal(("http://localhost:8080/uaa/oauth/token", client, "demo@example.com"), (Text(claims, "iss"), Text(claims, "aud"), Text(claims, "email")));
        Assert.True(Jwt.IsSignedBy(info.Body, (await auth.GetAsync("uaa/token_keys")).Json));
        Assert.Equal((algorithm, "userinfo+jwt"), (Text(Jwt.Header(info.Body), "alg"), Text(Jwt.Header(info.Body), "typ")));
        // It is good for nothing else.
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", info.Body)).Status);
        Assert.Contains(algorithm, (await auth.GetAsync("uaa/.well-known/openid-configuration")).Json.Texts("userinfo_signing_alg_values_supported"));
    }

    [Fact]
    public async Task OP_D_02_an_algorithm_that_nothing_here_signs_with_is_not_registered()
    {
        foreach (var algorithm in new[] { "none", "HS256", "rs256" })
        {
            var made = await auth.CallAsync("POST", "uaa/oauth/clients", await auth.AdminAsync(), $$"""
                {"client_id":"unsigned","client_secret":"secret-u","authorized_grant_types":"password","scope":"openid","userinfo_signed_response_alg":"{{algorithm}}"}
                """);
            Assert.Equal((400, "userinfo_signed_response_alg must be one of: ES256, RS256"), (made.Status, made.Text("error_description")));
        }
    }

    [Fact]
    public async Task OP_D_10_subjects_are_public_and_a_client_that_wants_pairs_is_not_registered()
    {
        async Task<Reply> RegisterAsync(string member) => await auth.CallAsync("POST", "uaa/oauth/clients", await auth.AdminAsync(), $$"""
            {"client_id":"pairs","client_secret":"secret-p","authorized_grant_types":"client_credentials","authorities":"uaa.none",{{member}}}
            """);

        Assert.Equal(["public"], (await auth.GetAsync("uaa/.well-known/openid-configuration")).Json.Texts("subject_types_supported"));
        foreach (var member in new[] { "\"subject_type\":\"pairwise\"", "\"subject_type\":1", "\"sector_identifier_uri\":\"https://sector.example/uris.json\"" })
            Assert.Equal(400, (await RegisterAsync(member)).Status);
        Assert.Equal(201, (await RegisterAsync("\"subject_type\":\"public\"")).Status);
    }

    [Fact]
    public async Task O_08_an_address_is_verified_when_an_administrator_vouches_for_it_and_not_because_its_owner_says_so()
    {
        var id = await auth.UserAsync("unproved");
        var own = (await auth.SignInAsync("unproved", "geheim7", "openid")).AccessToken;
        Task<Reply> PatchAsync(string bearer, string json, string version) => auth.CallAsync("PATCH", "uaa/Users/" + id, bearer, json, ("If-Match", version));
        var admin = await auth.AdminAsync();

        Assert.Equal(200, (await PatchAsync(admin, """{"verified":false}""", "*")).Status);
        Assert.Equal(403, (await auth.SignInAsync("unproved", "geheim7", "openid")).Status);
        Assert.Equal(401, (await PatchAsync(own, """{"verified":true}""", "*")).Status);
        Assert.Equal(200, (await auth.CallAsync("GET", $"uaa/Users/{id}/verify", admin)).Status);
        own = (await auth.SignInAsync("unproved", "geheim7", "openid")).AccessToken;
        // Nor is another address put in its place by the one who is signed in.
        foreach (var json in new[] { """{"emails":[{"value":"victim@example.org"}]}""", """{"userName":"victim"}""" })
            Assert.Equal((403, "invalid_self_edit"), ((await PatchAsync(own, json, "*")).Status, (await PatchAsync(own, json, "*")).Text("error")));
        Assert.True((await auth.GetAsync("uaa/userinfo", own)).Json.GetProperty("email_verified").GetBoolean());
    }

    private async Task<Reply> PersonAsync(string name)
    {
        var made = await auth.CallAsync("POST", "uaa/Users", await auth.AdminAsync(), $$$"""
            {"userName":"{{{name}}}","password":"geheim7","emails":[{"value":"{{{name}}}@example.org"}],"name":{"givenName":"G","familyName":"F"},
             "phoneNumbers":[{"value":"+49 30 1234"}],"nickName":"Al","profileUrl":"https://people.example/al","locale":"de-DE","timezone":"Europe/Berlin",
             "addresses":[{"formatted":"Weg 1\n10115 Berlin","streetAddress":"Weg 1","locality":"Berlin","postalCode":"10115","country":"DE","type":"home"}]}
            """);
        Assert.True(made.Status == 201, made.Body);
        return made;
    }

    private async Task<Reply> InfoAsync(string user, string scope, string client)
    {
        var signIn = await auth.SignInAsync(user, user == "demo" ? "demo" : "geheim7", scope, client + ":secret");
        Assert.True(signIn.Status == 200, signIn.Body);
        var info = await auth.GetAsync("uaa/userinfo", signIn.AccessToken);
        Assert.True(info.Status == 200, info.Body);
        return info;
    }

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();
}
