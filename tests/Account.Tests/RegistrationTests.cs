using System.Globalization;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Account.Tests;

public sealed class RegistrationTests
{
    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_new_account_is_answered_whole_and_belongs_to_its_user(SqlEngine engine)
    {
        await using var mesh = await AccountMesh.StartAsync(engine);

        var created = (await mesh.RegisterAsync("""{"username":"Alice1","password":"secret1","email":"ignored"}""")).Expect(200);
        var own = (await mesh.GetAsync("/accounts/current", mesh.User("Alice1"))).Expect(200);

        var lastSeen = mesh.Clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff", CultureInfo.InvariantCulture) + "+0000";
        Assert.Equal(
            "{\"name\":\"Alice1\",\"lastSeen\":\"" + lastSeen + "\",\"incomes\":null,\"expenses\":null," +
            "\"saving\":{\"amount\":0,\"currency\":\"USD\",\"interest\":0,\"deposit\":false,\"capitalization\":false},\"note\":null}",
            created.Body);
        Assert.Equal("application/json", created.MediaType);
        Assert.Equal(created.Body, own.Body);
    }

    [Fact]
    public async Task The_user_is_created_with_the_services_own_token_made_for_auth_alone()
    {
        await using var mesh = await AccountMesh.StartAsync();

        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);

        var token = Assert.Single(mesh.Auth.TokenRequests);
        Assert.Equal("client_credentials", token["grant_type"]);
        Assert.Equal("server", token["scope"]);
        Assert.Equal("mesh://auth-service", token["resource"]);
        var (method, key, body) = Assert.Single(mesh.Auth.Seen);
        Assert.Equal("POST", method);
        Assert.Equal(43, key.Length);
        Assert.Equal(AccountMesh.Alice, body);
        Assert.Equal("secret1", mesh.Auth.Users["alice1"].Password);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_name_is_taken_once_in_whatever_case(SqlEngine engine)
    {
        await using var mesh = await AccountMesh.StartAsync(engine);
        (await mesh.RegisterAsync(AccountMesh.Alice)).Expect(200);

        var again = await mesh.RegisterAsync(AccountMesh.Alice);
        var otherCase = await mesh.RegisterAsync("""{"username":"ALICE1","password":"secret2"}""");

        Assert.Equal((400, ""), (again.Status, again.Body));
        Assert.Equal((400, ""), (otherCase.Status, otherCase.Body));
        Assert.Equal("secret1", mesh.Auth.Users["alice1"].Password);
        Assert.Single(mesh.Auth.Seen);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task Of_twenty_registrations_of_one_name_at_two_instances_one_succeeds(SqlEngine engine)
    {
        await using var mesh = await AccountMesh.StartAsync(engine);
        var first = mesh.Service.Http;
        var second = mesh.StartService().Http;

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(n => mesh.SendAsync(
            HttpMethod.Post, "/accounts/", $$"""{"username":"alice1","password":"secret{{n}}"}""", null, n % 2 == 0 ? first : second)));

        Assert.Single(answers, answer => answer.Status == 200);
        Assert.Equal(19, answers.Count(answer => answer is { Status: 400, Body: "" }));
        Assert.Single(mesh.Auth.Seen);
    }

    [Fact]
    public async Task Many_people_who_register_at_once_take_their_turns()
    {
        await using var mesh = await AccountMesh.StartAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(n => mesh.RegisterAsync($$"""{"username":"person{{n}}","password":"secret1"}""")));

        Assert.All(answers, answer => answer.Expect(200));
        Assert.InRange(mesh.Auth.MostAtOnce, 1, 4);
    }

    [Theory]
    [InlineData("""{"username":"al","password":"secret1"}""", "username")]
    [InlineData("""{"username":"a23456789012345678901","password":"secret1"}""", "username")]
    [InlineData("""{"username":"alice 1","password":"secret1"}""", "username")]
    [InlineData("""{"username":"alice@example.com","password":"secret1"}""", "username")]
    [InlineData("""{"username":"../etc","password":"secret1"}""", "username")]
    [InlineData("""{"username":"älice1","password":"secret1"}""", "username")]
    [InlineData("""{"username":"alice1\n","password":"secret1"}""", "username")]
    [InlineData("""{"username":"current","password":"secret1"}""", "username")]
    [InlineData("""{"username":"Current","password":"secret1"}""", "username")]
    [InlineData("""{"username":null,"password":"secret1"}""", "username")]
    [InlineData("""{"username":12345,"password":"secret1"}""", "username")]
    [InlineData("""{"password":"secret1"}""", "username")]
    [InlineData("""{"username":"alice1"}""", "password")]
    [InlineData("""{"username":"alice1","password":"tiny!"}""", "password")]
    [InlineData("""{"username":"alice1","password":"12345678901234567890123456789012345678901"}""", "password")]
    [InlineData("""{"username":"alice1","password":["secret1"]}""", "password")]
    public async Task What_is_wrong_is_named_but_never_repeated(string json, string field)
    {
        await using var mesh = await AccountMesh.StartAsync();

        var answer = await mesh.RegisterAsync(json);

        Assert.Equal((400, "application/problem+json", "invalid_request"), (answer.Status, answer.MediaType, answer.Error));
        Assert.Equal(field, Assert.Single(answer.Json.GetProperty("errors").EnumerateObject()).Name);
        foreach (var value in new[] { "secret1", "tiny!", "alice", "älice", "12345" }) Assert.DoesNotContain(value, answer.Body, StringComparison.Ordinal);
        Assert.Empty(mesh.Auth.Seen);
    }

    [Fact]
    public async Task All_faults_are_told_at_once()
    {
        await using var mesh = await AccountMesh.StartAsync();

        var answer = await mesh.RegisterAsync("{}");

        Assert.Equal(["username", "password"], answer.Json.GetProperty("errors").EnumerateObject().Select(error => error.Name));
        Assert.Equal(32, answer.Json.GetProperty("traceId").GetString()!.Length);
    }

    [Theory]
    [InlineData("demo")]
    [InlineData("Demo")]
    public async Task The_name_that_everyone_may_read_is_taken_even_where_there_is_no_demo(string name)
    {
        await using var mesh = await AccountMesh.StartAsync();

        var answer = await mesh.RegisterAsync($$"""{"username":"{{name}}","password":"secret1"}""");

        Assert.Equal((400, ""), (answer.Status, answer.Body));
        Assert.Empty(mesh.Auth.Seen);
    }

    [Fact]
    public async Task The_path_answers_without_its_slash_too()
    {
        await using var mesh = await AccountMesh.StartAsync();

        (await mesh.SendAsync(HttpMethod.Post, "/accounts", AccountMesh.Alice, null)).Expect(200);
    }

    [Fact]
    public async Task The_password_is_in_no_log()
    {
        await using var mesh = await AccountMesh.StartAsync();
        mesh.Auth.Creates.Enqueue(Auth.Fails);

        (await mesh.RegisterAsync("""{"username":"alice1","password":"never-logged-7"}""")).Expect(200);
        await mesh.RegisterAsync("""{"username":"al","password":"never-logged-7"}""");

        Assert.NotEmpty(mesh.Logs);
        Assert.DoesNotContain(mesh.Logs, line => line.Contains("never-logged-7", StringComparison.Ordinal));
    }
}
