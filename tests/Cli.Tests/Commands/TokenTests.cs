using SecureMesh.Cli.Commands;
using SecureMesh.Cli.Tests.Login;
using SecureMesh.Cli.Tests.Terminal;
using Xunit;

namespace SecureMesh.Cli.Tests.Commands;

public sealed class TokenTests : IAsyncLifetime
{
    private TokenService _service = null!;
    private TestShell _shell = null!;

    public async ValueTask InitializeAsync()
    {
        _service = await TokenService.StartAsync();
        _shell = new TestShell(_service.Url) { Browser = TokenService.BrowseAsync };
    }

    public async ValueTask DisposeAsync()
    {
        _shell.Dispose();
        await _service.DisposeAsync();
    }

    [Theory]
    [InlineData("token", "list")]
    [InlineData("token", "revoke", "x")]
    [InlineData("token", "create", "--label", "x", "--scope", "ui")]
    [InlineData("keys", "rotate")]
    [InlineData("whoami")]
    public async Task Without_a_sign_in_nothing_is_asked(params string[] arguments)
    {
        await _service.DisposeAsync();

        var ran = (await _shell.RunAsync(arguments)).Expect(3);

        Assert.Equal($"mesh: nobody is signed in at {_service.Url}: sign in with ./mesh login, or put an API token into MESH_TOKEN.\n", ran.Error);
    }

    [Fact]
    public async Task A_token_in_place_of_its_id_is_not_sent()
    {
        var ran = (await _shell.RunAsync("token", "revoke", "smt_secret")).Expect(2);

        Assert.DoesNotContain("smt_secret", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoami_shows_the_person_and_refuses_an_answer_about_another_one()
    {
        (await _shell.RunAsync("login")).Expect(0);
        var text = (await _shell.RunAsync("whoami")).Expect(0);
        var json = (await _shell.RunAsync("whoami", "--output", "json")).Expect(0).Json;
        _service.ChangeIdToken = claims => claims["sub"] = "id-of-another";
        (await _shell.RunAsync("login")).Expect(0);
        var other = (await _shell.RunAsync("whoami")).Expect(1);

        Assert.Equal($"demo <demo@example.com> at {_service.Url}\nscopes openid ui, client mesh-cli\n", text.Out);
        Assert.Equal(["url", "userId", "userName", "email", "name", "clientId", "scope", "expiresAt"], json.EnumerateObject().Select(m => m.Name));
        Assert.Equal("id-of-demo", json.GetProperty("userId").GetString());
        Assert.Equal($"mesh: {_service.Url} told of another user than the one who signed in.\n", other.Error);
    }

    [Theory]
    [InlineData("45s", 45)]
    [InlineData("15m", 900)]
    [InlineData("12h", 43200)]
    [InlineData("30d", 2592000)]
    [InlineData("2w", 1209600)]
    public void Times_are_read_as_people_write_them(string text, long seconds) => Assert.Equal(seconds, Lifetime.SecondsOf(text, "--expires"));
}
