using System.Net.Http.Headers;

namespace SecureMesh.Auth.Tests.Authorize;

public sealed class DirectAuthorizationTests
{
    private const string Uri = "https://uaa.cloudfoundry.com/redirect/cf";

    [Fact]
    public async Task U_16_name_and_password_give_the_token_in_the_fragment_without_session_and_cookie()
    {
        await using var auth = await StartAsync();

        var answer = await PostAsync(auth, "response_type=token%20id_token&nonce=n&state=abc&client_id=cf&redirect_uri=" + System.Uri.EscapeDataString(Uri),
            [("source", "credentials"), ("username", "demo"), ("password", "demo"), ("passcode", "")]);

        Assert.Equal(302, answer.Status);
        Assert.StartsWith(Uri + "#", answer.Location, StringComparison.Ordinal);
        Assert.Equal(("bearer", "abc"), (answer["token_type"], answer["state"]));
        Assert.Equal(["pwd"], Jwt.Payload(answer["access_token"]).Texts("amr"));
        Assert.Equal("n", Jwt.Payload(answer["id_token"]).GetProperty("nonce").GetString());
        Assert.Empty(answer.Header("Set-Cookie"));
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", answer["access_token"])).Status);
    }

    [Fact]
    public async Task U_06_the_token_of_the_fragment_is_opaque_when_that_is_asked()
    {
        await using var auth = await StartAsync();
        (string, string)[] form = [("source", "credentials"), ("username", "demo"), ("password", "demo")];

        var opaque = await PostAsync(auth, "response_type=token&client_id=cf&token_format=opaque", form);
        var unknown = await PostAsync(auth, "response_type=token&client_id=cf&token_format=paper", form);

        Assert.DoesNotContain('.', opaque["access_token"]);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", opaque["access_token"])).Status);
        Assert.Equal("invalid_request", unknown.Error);
    }

    [Fact]
    public async Task U_16_the_older_form_of_the_credentials_works_too()
    {
        await using var auth = await StartAsync();

        var answer = await PostAsync(auth, "response_type=token&client_id=cf", [("source", "credentials"), ("credentials", """{"username":"demo","password":"demo"}""")]);

        Assert.Equal(302, answer.Status);
        Assert.NotEmpty(answer["access_token"]);
    }

    [Fact]
    public async Task U_16_wrong_credentials_are_401_in_json_and_count_for_the_lock()
    {
        await using var auth = await StartAsync();
        Task<Page> TryAsync(string password) => PostAsync(auth, "response_type=token&client_id=cf", [("source", "credentials"), ("username", "demo"), ("password", password)]);

        var wrong = await TryAsync("wrong");
        for (var i = 0; i < 4; i++) await TryAsync("wrong");
        var locked = await TryAsync("demo");
        var broken = await PostAsync(auth, "response_type=token&client_id=cf", [("source", "credentials"), ("credentials", "{{{")]);

        Assert.Equal(401, wrong.Status);
        Assert.Equal("invalid_client", wrong.Reply.Text("error"));
        Assert.Equal("application/json", wrong.Reply.Content.ContentType!.MediaType);
        Assert.Equal("Your account has been locked because of too many failed attempts to login.", locked.Reply.Text("error_description"));
        Assert.Equal(401, broken.Status);
    }

    [Fact]
    public async Task U_16_it_is_for_registered_clients_and_not_for_other_sites_pages()
    {
        await using var auth = await StartAsync();
        (string, string)[] form = [("source", "credentials"), ("username", "demo"), ("password", "demo")];

        var unregistered = await PostAsync(auth, Browser.Query(Browser.App()), form);
        var foreign = await PostAsync(auth, "response_type=token&client_id=cf", form, "https://evil.example");
        var own = await PostAsync(auth, "response_type=token&client_id=cf", form, "http://localhost:8080");
        var uri = await PostAsync(auth, "response_type=token&client_id=cf&redirect_uri=https%3A%2F%2Fevil.example", form);
        var query = await PostAsync(auth, "response_type=token&client_id=cf&password=demo", form);

        Assert.Equal(401, unregistered.Status);
        Assert.Equal(403, foreign.Status);
        Assert.Equal(302, own.Status);
        Assert.Equal(400, uri.Status);
        Assert.Equal(406, query.Status);
    }

    [Fact]
    public async Task A_token_with_uaa_user_gives_a_code_to_a_client_that_needs_no_asking()
    {
        await using var auth = await StartAsync();
        await auth.RegisterAsync("ssh-proxy", scopes: "openid", redirects: ["https://ssh.example/cb"]);
        await auth.RegisterAsync("asking", scopes: "openid", autoApprove: false);
        var user = (await PostAsync(auth, "response_type=token&client_id=cf", [("source", "credentials"), ("username", "demo"), ("password", "demo")]))["access_token"];
        var without = (await auth.SignInAsync()).AccessToken;

        var answer = await GetAsync(auth, "response_type=code&client_id=ssh-proxy&grant_type=authorization_code", user);
        var asking = await GetAsync(auth, "response_type=code&client_id=asking", user);
        var scopeless = await GetAsync(auth, "response_type=code&client_id=ssh-proxy", without);
        var bad = await GetAsync(auth, "response_type=code&client_id=ssh-proxy", "nonsense");

        Assert.Equal(302, answer.Status);
        Assert.StartsWith("https://ssh.example/cb?code=", answer.Location, StringComparison.Ordinal);
        Assert.Equal(200, (await auth.RedeemAsync(answer.Code, "ssh-proxy:secret", "")).Status);
        Assert.Equal("interaction_required", asking.Error);
        Assert.Equal(403, scopeless.Status);
        Assert.Equal(401, bad.Status);
    }

    private static async Task<DemoAuth> StartAsync()
    {
        var auth = await DemoAuth.StartAsync();
        await auth.RegisterAsync("cf", grants: "implicit password refresh_token", scopes: "openid uaa.user", redirects: [Uri]);
        return auth;
    }

    private static async Task<Page> PostAsync(DemoAuth auth, string query, (string, string)[] form, string? origin = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/authorize?" + query);
        request.Content = new FormUrlEncodedContent(form.Select(pair => new KeyValuePair<string, string>(pair.Item1, pair.Item2)));
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (origin is not null) request.Headers.TryAddWithoutValidation("Origin", origin);
        return new Page(await auth.SendAsync(request));
    }

    private static async Task<Page> GetAsync(DemoAuth auth, string query, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "uaa/oauth/authorize?" + query);
        request.Headers.TryAddWithoutValidation("Authorization", "bearer " + token);
        return new Page(await auth.SendAsync(request));
    }
}
