using System.Text;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Registration;

public sealed class RegistrationTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private const string Key = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    [Fact]
    public async Task A_registered_user_signs_in()
    {
        var reply = await RegisterAsync("""{"username":"Anna.Berg","password":"geheim7","unknown":[1]}""");

        Assert.Equal(200, reply.Status);
        Assert.Equal("", reply.Body);
        var claims = (await auth.SignInAsync("anna.berg", "geheim7")).Claims;
        Assert.Equal("Anna.Berg", claims.GetProperty("user_name").GetString());
        Assert.Matches("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", claims.GetProperty("sub").GetString());
    }

    [Fact]
    public async Task A_taken_name_is_a_409_in_any_case_of_letters()
    {
        await RegisterAsync("""{"username":"taken","password":"geheim7"}""");

        foreach (var name in new[] { "taken", "TAKEN", "demo", "Demo" })
        {
            var reply = await RegisterAsync($$"""{"username":"{{name}}","password":"geheim8"}""");
            Assert.Equal(409, reply.Status);
            Assert.Equal($$"""{"error":"scim_resource_already_exists","message":"Username already in use: {{name}}","error_description":"Username already in use: {{name}}"}""", reply.Body);
        }
        Assert.Equal(200, (await auth.SignInAsync("taken", "geheim7")).Status);
    }

    [Theory]
    [InlineData("""{"password":"geheim7"}""", "invalid_scim_resource")]
    [InlineData("""{"username":"","password":"geheim7"}""", "invalid_scim_resource")]
    [InlineData("""{"username":7,"password":"geheim7"}""", "invalid_scim_resource")]
    [InlineData("""{"username":"current","password":"geheim7"}""", "invalid_scim_resource")]
    [InlineData("""{"username":"Current","password":"geheim7"}""", "invalid_scim_resource")]
    [InlineData("""{"username":"a b","password":"geheim7"}""", "invalid_scim_resource")]
    [InlineData("""{"username":"a/b","password":"geheim7"}""", "invalid_scim_resource")]
    [InlineData("""{"username":"a\u0000b","password":"geheim7"}""", "invalid_scim_resource")]
    [InlineData("""{"username":"\ud83d","password":"geheim7"}""", "invalid_request")]
    [InlineData("""{"username":"mü","password":"geheim7"}""", "invalid_scim_resource")]
    [InlineData("""{"username":"short","password":"five5"}""", "invalid_password")]
    [InlineData("""{"username":"short"}""", "invalid_password")]
    [InlineData("""{"username":"short","password":null}""", "invalid_password")]
    [InlineData("""{"username":"a","username":"b","password":"geheim7"}""", "invalid_request")]
    [InlineData("""[]""", "invalid_request")]
    [InlineData("""null""", "invalid_request")]
    [InlineData("""{""", "invalid_request")]
    [InlineData("", "invalid_request")]
    public async Task A_faulty_registration_is_a_clear_400(string body, string error)
    {
        var reply = await RegisterAsync(body);

        Assert.Equal(400, reply.Status);
        Assert.Equal(error, reply.Text("error"));
        Assert.Equal("application/json", reply.Content.ContentType!.MediaType);
    }

    [Fact]
    public async Task T_06_long_passwords_are_refused_and_none_is_cut()
    {
        var password = new string('x', 128);
        Assert.Equal(400, (await RegisterAsync($$"""{"username":"long","password":"{{password}}y"}""")).Status);
        Assert.Equal(400, (await RegisterAsync($$"""{"username":"{{new string('n', 256)}}","password":"geheim7"}""")).Status);
        Assert.Equal(200, (await RegisterAsync($$"""{"username":"long","password":"{{password}}"}""")).Status);

        Assert.Equal(200, (await auth.SignInAsync("long", password)).Status);
        Assert.Equal(401, (await auth.SignInAsync("long", password[..127])).Status);
        Assert.Equal(401, (await auth.SignInAsync("long", password[..73])).Status);
    }

    [Fact]
    public async Task A_body_that_is_too_large_or_of_another_type_is_refused()
    {
        Assert.Equal(413, (await RegisterAsync("{\"username\":\"" + new string('a', 70_000) + "\"}")).Status);
        Assert.Equal(400, (await RegisterAsync("username=x&password=geheim7", type: "application/x-www-form-urlencoded")).Status);
        Assert.Equal(400, (await SendAsync(HttpMethod.Post, "uaa/users", await auth.ServerTokenAsync(), null, [0x7B, 0x22, 0xFF, 0xFE, 0x7D])).Status);
    }

    [Fact]
    public async Task Only_callers_with_the_scope_server_register()
    {
        const string body = """{"username":"nobody1","password":"geheim7"}""";
        Assert.Equal(401, (await SendAsync(HttpMethod.Post, "uaa/users", null, null, Encoding.UTF8.GetBytes(body))).Status);
        var user = await SendAsync(HttpMethod.Post, "uaa/users", (await auth.SignInAsync()).AccessToken, null, Encoding.UTF8.GetBytes(body));
        Assert.Equal(403, user.Status);
        Assert.Equal("""{"error":"insufficient_scope","error_description":"Insufficient scope for this resource","scope":"server"}""", user.Body);
        var admin = (await auth.TokenAsync("admin:adminsecret", ("grant_type", "client_credentials"))).AccessToken;
        Assert.Equal(403, (await SendAsync(HttpMethod.Post, "uaa/users", admin, null, Encoding.UTF8.GetBytes(body))).Status);
        var forAnother = (await auth.TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"), ("resource", "mesh://config"))).AccessToken;
        Assert.Equal(401, (await SendAsync(HttpMethod.Post, "uaa/users", forAnother, null, Encoding.UTF8.GetBytes(body))).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task Of_ten_registrations_of_one_name_at_once_one_wins(SqlEngine engine)
    {
        await using var own = await DemoAuth.StartAsync(engine);
        var token = await own.ServerTokenAsync();

        var replies = await Task.WhenAll(Enumerable.Range(0, 10).Select(i =>
            SendAsync(HttpMethod.Post, "uaa/users", token, null, Encoding.UTF8.GetBytes($$"""{"username":"{{(i % 2 == 0 ? "race" : "RACE")}}","password":"geheim{{i}}"}"""), own)));

        Assert.Single(replies, reply => reply.Status == 200);
        Assert.Equal(9, replies.Count(reply => reply.Status == 409));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task The_same_key_repeats_a_registration_and_undoes_it(SqlEngine engine)
    {
        await using var own = await DemoAuth.StartAsync(engine);
        var token = await own.ServerTokenAsync();
        var body = Encoding.UTF8.GetBytes("""{"username":"twice","password":"geheim7"}""");
        Task<Reply> Register(byte[] content, string? key) => SendAsync(HttpMethod.Post, "uaa/users", token, key, content, own);
        Task<Reply> Undo(string name, string? key) => SendAsync(HttpMethod.Delete, "uaa/users/" + name, token, key, null, own);

        Assert.Equal(200, (await Register(body, Key)).Status);
        Assert.Equal(200, (await Register(body, Key)).Status);
        Assert.Equal(409, (await Register(Encoding.UTF8.GetBytes("""{"username":"twice","password":"another"}"""), Key)).Status);
        Assert.Equal(409, (await Register(body, null)).Status);
        Assert.Equal(409, (await Register(body, new string('k', 43))).Status);

        Assert.Equal(400, (await Undo("twice", null)).Status);
        Assert.Equal(404, (await Undo("twice", new string('k', 43))).Status);
        Assert.Equal(404, (await Undo("other", Key)).Status);
        var refresh = (await own.SignInAsync("twice", "geheim7")).RefreshToken;
        Assert.Equal(200, (await Undo("twice", Key)).Status);
        Assert.Equal(404, (await Undo("twice", Key)).Status);
        Assert.Equal(401, (await own.RefreshAsync(refresh)).Status);
        Assert.Equal(401, (await own.SignInAsync("twice", "geheim7")).Status);
        Assert.Equal(200, (await Register(body, Key)).Status);
    }

    [Fact]
    public async Task Only_the_client_that_registered_undoes_and_only_for_seven_days()
    {
        await using var own = await DemoAuth.StartAsync();
        await own.AddClientAsync("other", "secret");
        await own.ExecuteAsync("UPDATE clients SET authorities = 'server' WHERE client_id = 'other'");
        var body = Encoding.UTF8.GetBytes("""{"username":"mine","password":"geheim7"}""");
        var foreign = (await own.TokenAsync("other:secret", ("grant_type", "client_credentials"))).AccessToken;
        Assert.Equal(200, (await SendAsync(HttpMethod.Post, "uaa/users", await own.ServerTokenAsync(), Key, body, own)).Status);

        Assert.Equal(404, (await SendAsync(HttpMethod.Delete, "uaa/users/mine", foreign, Key, null, own)).Status);
        Assert.Equal(409, (await SendAsync(HttpMethod.Post, "uaa/users", foreign, Key, body, own)).Status);
        Assert.Equal(403, (await SendAsync(HttpMethod.Delete, "uaa/users/mine", (await own.SignInAsync()).AccessToken, Key, null, own)).Status);
        own.Clock.Advance(TimeSpan.FromDays(7));
        Assert.Equal(404, (await SendAsync(HttpMethod.Delete, "uaa/users/mine", await own.ServerTokenAsync(), Key, null, own)).Status);
        Assert.Equal(404, (await SendAsync(HttpMethod.Delete, "uaa/users/demo", await own.ServerTokenAsync(), Key, null, own)).Status);
        Assert.Equal(200, (await own.SignInAsync("mine", "geheim7")).Status);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("with blanks in the middle of it")]
    [InlineData("\"quoted-quoted-quoted-quoted-quoted\"")]
    public async Task A_key_that_cannot_be_a_secret_is_refused(string key)
    {
        Assert.Equal(400, (await SendAsync(HttpMethod.Post, "uaa/users", await auth.ServerTokenAsync(), key, Encoding.UTF8.GetBytes("""{"username":"keyed","password":"geheim7"}"""))).Status);
    }

    [Theory]
    [InlineData("uaa/users/de%00mo")]
    [InlineData("uaa/users/%FF")]
    [InlineData("uaa/users/%2e%2e")]
    [InlineData("uaa/users/a%2Fb")]
    public async Task Odd_names_in_the_path_are_refused(string path)
    {
        var answer = await RawHttp.SendAsync(auth.Url, $"DELETE /{path} HTTP/1.1\r\nHost: {auth.Url.Authority}\r\nAuthorization: Bearer {await auth.ServerTokenAsync()}\r\nIdempotency-Key: {Key}\r\nConnection: close\r\n\r\n");

        Assert.InRange(answer.Status, 400, 405);
    }

    private async Task<Reply> RegisterAsync(string body, string? key = null, string type = "application/json") =>
        await SendAsync(HttpMethod.Post, "uaa/users", await auth.ServerTokenAsync(), key, Encoding.UTF8.GetBytes(body), type: type);

    private async Task<Reply> SendAsync(HttpMethod method, string path, string? bearer, string? key, byte[]? body, DemoAuth? at = null, string type = "application/json")
    {
        using var request = new HttpRequestMessage(method, path);
        if (bearer is not null) request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + bearer);
        if (key is not null) request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }
        return await (at ?? auth).SendAsync(request);
    }
}
