using System.Text.Json;
using SecureMesh.Auth.Tests.Authorize;
using SecureMesh.Auth.Tests.Token;
using Agent = SecureMesh.Auth.Tests.Authorize.Browser;

namespace SecureMesh.Auth.Tests.Contract;

/// <summary>What the userinfo endpoint tells, whom, and in which ways it can be asked (OpenID Connect Core §5.3).</summary>
public sealed class RowsOfUserInfo(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task OP_B_05_OP_B_06_OP_B_07_userinfo_answers_get_post_and_a_form()
    {
        var token = (await auth.SignInAsync()).AccessToken;

        var get = await auth.GetAsync("uaa/userinfo", token);
        var post = await auth.CallAsync("POST", "uaa/userinfo", token);
        var form = await auth.PostAsync("uaa/userinfo", null, ("access_token", token));

        Assert.Equal(200, get.Status);
        Assert.Equal("application/json", get.Content.ContentType!.MediaType);
        foreach (var name in new[] { "sub", "email", "name", "given_name", "family_name" }) Assert.Equal(JsonValueKind.String, get.Json.GetProperty(name).ValueKind);
        Assert.True(get.Json.GetProperty("email_verified").GetBoolean());
        if (get.Json.TryGetProperty("updated_at", out var updated)) Assert.Equal(JsonValueKind.Number, updated.ValueKind);
        Assert.Equal((200, get.Body), (post.Status, post.Body));
        Assert.Equal((200, get.Body), (form.Status, form.Body));
    }

    [Fact]
    public async Task OP_B_07_a_form_brings_one_token_once_and_a_good_one()
    {
        var token = (await auth.SignInAsync()).AccessToken;
        using var both = new HttpRequestMessage(HttpMethod.Post, "uaa/userinfo") { Content = new FormUrlEncodedContent([new("access_token", token)]) };
        both.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);

        var twoWays = await auth.SendAsync(both);
        var twice = await auth.PostAsync("uaa/userinfo", null, ("access_token", token), ("access_token", token));
        var bad = await auth.PostAsync("uaa/userinfo", null, ("access_token", token + "A"));
        var none = await auth.PostAsync("uaa/userinfo", null, ("other", "x"));

        Assert.Equal((400, "invalid_request"), (twoWays.Status, twoWays.Text("error")));
        Assert.Equal((400, "invalid_request"), (twice.Status, twice.Text("error")));
        Assert.Equal((401, "invalid_token"), (bad.Status, bad.Text("error")));
        Assert.Equal(401, none.Status);
    }

    [Fact]
    public async Task B_20_a_token_in_the_query_is_not_taken()
    {
        var token = (await auth.SignInAsync()).AccessToken;

        foreach (var path in new[] { "uaa/userinfo", "uaa/users/current" })
        {
            Assert.Equal(200, (await auth.GetAsync(path, token)).Status);
            Assert.Equal(401, (await auth.GetAsync(path + "?access_token=" + token)).Status);
        }
        Assert.Equal(401, (await auth.PostAsync("uaa/userinfo?access_token=" + token, null, ("x", "y"))).Status);
    }

    [Fact]
    public async Task O_06_userinfo_is_about_the_subject_of_the_id_token_and_for_people_alone()
    {
        var browser = new Agent(auth);
        await browser.SignInAsync();
        var tokens = await auth.RedeemAsync((await browser.AuthorizeAsync(Agent.Web())).Code, "web:web-secret", Agent.WebUri, ("code_verifier", Agent.Verifier));
        await Given.ClientAsync(auth, "machine", "client_credentials", authorities: "openid test.read");
        var machine = await auth.TokenAsync("machine:machine-secret", ("grant_type", "client_credentials"));
        var narrow = await auth.TokenAsync("machine:machine-secret", ("grant_type", "client_credentials"), ("scope", "test.read"));

        Assert.Equal(Jwt.Payload(tokens.Text("id_token")).GetProperty("sub").GetString(), (await auth.GetAsync("uaa/userinfo", tokens.AccessToken)).Text("sub"));
        Assert.Equal(200, (await auth.CallAsync("POST", "uaa/userinfo", tokens.AccessToken)).Status);
        Assert.Equal(403, (await auth.GetAsync("uaa/userinfo", machine.AccessToken)).Status);
        Assert.Equal(403, (await auth.GetAsync("uaa/userinfo", narrow.AccessToken)).Status);
        Assert.Equal(403, (await auth.GetAsync("uaa/userinfo", (await auth.SignInAsync(scope: "ui")).AccessToken)).Status);
    }

    [Theory]
    [InlineData("openid profile", "given_name family_name name")]
    [InlineData("openid email", "email")]
    [InlineData("openid phone", "phone_number")]
    public async Task OP_B_09_OP_B_10_OP_B_12_a_scope_is_granted_and_its_claims_are_told(string scope, string claims)
    {
        var name = "person" + scope.Split(' ')[1];
        await auth.RegisterAsync("claims-" + name, "password", "openid profile email phone");
        var made = await auth.CallAsync("POST", "uaa/Users", await auth.AdminAsync(), $$$"""
            {"userName":"{{{name}}}","password":"geheim7","emails":[{"value":"{{{name}}}@example.org"}],"name":{"givenName":"G","familyName":"F"},"phoneNumbers":[{"value":"+49 30 1234"}]}
            """);
        Assert.True(made.Status == 201, made.Body);

        var signIn = await auth.SignInAsync(name, "geheim7", scope, $"claims-{name}:secret");
        var info = (await auth.GetAsync("uaa/userinfo", signIn.AccessToken)).Json;

        Assert.Equal(scope, signIn.Text("scope"));
        foreach (var claim in claims.Split(' ')) Assert.NotEqual("", info.GetProperty(claim).GetString());
        Assert.Contains(info.GetProperty("email_verified").ValueKind, new[] { JsonValueKind.True, JsonValueKind.False });
        Assert.Equal("+49 30 1234", info.GetProperty("phone_number").GetString());
        Assert.False(info.GetProperty("phone_number_verified").GetBoolean());
    }

    [Fact]
    public async Task OP_B_12_a_client_of_the_standard_gets_the_number_with_scope_phone_alone()
    {
        await auth.RegisterAsync("standard", "password", "openid email phone", wire: "rfc");
        var made = await auth.CallAsync("POST", "uaa/Users", await auth.AdminAsync(), """
            {"userName":"ruf","password":"geheim7","emails":[{"value":"ruf@example.org"}],"name":{"givenName":"G","familyName":"F"},"phoneNumbers":[{"value":"+49 30 1234"}]}
            """);
        Assert.True(made.Status == 201, made.Body);
        async Task<Reply> InfoAsync(string scope) => await auth.GetAsync("uaa/userinfo", (await auth.SignInAsync("ruf", "geheim7", scope, "standard:secret")).AccessToken);

        Assert.Equal($$"""{"sub":"{{made.Text("id")}}","phone_number":"+49 30 1234","phone_number_verified":false}""", (await InfoAsync("openid phone")).Body);
        Assert.Equal($$"""{"sub":"{{made.Text("id")}}"}""", (await InfoAsync("openid")).Body);
    }
}
