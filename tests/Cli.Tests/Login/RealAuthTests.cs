using System.Text.Json;
using System.Text.RegularExpressions;
using SecureMesh.Cli.Tests.Terminal;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Cli.Tests.Login;

/// <summary>The commands against the real token service, its pages included: nothing here stands in for it.</summary>
public sealed class RealAuthTests : IClassFixture<RealAuth>, IDisposable
{
    private readonly RealAuth _auth;
    private readonly TestShell _shell;
    private readonly PersonInBrowser _demo = new("demo", "demo");
    private readonly CancellationTokenSource _givenUp = new();
    private (int Status, string Page) _page;

    public RealAuthTests(RealAuth auth)
    {
        _auth = auth;
        _shell = new TestShell(auth.Url) { Clock = auth.Clock, Browser = url => BrowseAsync(_demo, url) };
    }

    private Task<Ran> LoginAsync(params string[] more) => _shell.RunAsync("", _givenUp.Token, ["login", .. more]);

    /// <summary>A person who ends up anywhere but at the terminal's own page gives up, and so does the command.</summary>
    private async Task BrowseAsync(PersonInBrowser person, Uri url)
    {
        _page = await person.OpenAsync(url);
        if (_page.Page.Contains("You may close this window", StringComparison.Ordinal)) return;
        await _givenUp.CancelAsync();
        throw new InvalidOperationException($"after {string.Join(", ", person.Pages)}: {_page.Status} {_page.Page}");
    }

    public void Dispose()
    {
        _shell.Dispose();
        _demo.Dispose();
        _givenUp.Dispose();
    }

    [Fact]
    public async Task A_person_signs_in_through_the_pages_and_signs_out()
    {
        var login = (await LoginAsync("--output", "json")).Expect(0).Json;
        var who = (await _shell.RunAsync("whoami", "--output", "json")).Expect(0).Json;

        Assert.Equal(200, _page.Status);
        Assert.Contains("You are signed in", _page.Page, StringComparison.Ordinal);
        Assert.Equal(["demo", "mesh-cli", "openid ui"], new[] { "userName", "clientId", "scope" }.Select(name => login.GetProperty(name).GetString()!));
        Assert.Equal("demo@example.com", who.GetProperty("email").GetString());
        Assert.Equal(login.GetProperty("userId").GetString(), who.GetProperty("userId").GetString());
        var kept = Kept();

        (await _shell.RunAsync("logout")).Expect(0);
        (await _shell.RunAsync("whoami")).Expect(3);
        // The refresh token is dead, not only forgotten.
        await RestoreAsync(kept);
        _auth.Clock.Advance(TimeSpan.FromMinutes(11));
        var dead = (await _shell.RunAsync("whoami")).Expect(3);
        Assert.Contains("has ended", dead.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_person_who_denies_is_not_signed_in()
    {
        // Somebody of her own, so that an earlier yes of demo does not answer for her.
        using var admin = new PersonInBrowser("admin", "admin") { Denies = true };
        _shell.Browser = url => BrowseAsync(admin, url);

        var ran = (await LoginAsync("--scope", "openid ui uaa.admin")).Expect(3);

        Assert.Contains("mesh: the sign-in was refused", ran.Error, StringComparison.Ordinal);
        Assert.Contains("You are not signed in", _page.Page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_device_signs_in_with_a_code_that_a_person_enters_elsewhere()
    {
        var login = LoginAsync("--device");
        while (!_shell.Said.Any(line => line.Contains("compare the code", StringComparison.Ordinal)))
        {
            Assert.False(login.IsCompleted, login.IsCompleted ? (await login).Error : "");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        var said = string.Join('\n', _shell.Said);
        Assert.Matches("enter the code [BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", said);
        var (status, page) = await _demo.OpenAsync(new Uri(Regex.Match(said, @"or open (\S+) and").Groups[1].Value));
        Assert.True(status == 200, page);

        while (!login.IsCompleted)
        {
            _auth.Clock.Advance(TimeSpan.FromSeconds(6));
            await Task.WhenAny(login, Task.Delay(50, TestContext.Current.CancellationToken));
        }

        Assert.Equal($"Signed in at {_auth.Url} as demo, scopes openid ui.\n", (await login).Expect(0).Out);
        (await _shell.RunAsync("whoami")).Expect(0);
    }

    [Fact]
    public async Task A_sign_in_outlives_many_access_tokens()
    {
        (await LoginAsync()).Expect(0);
        var refreshTokens = new HashSet<string?>();
        for (var i = 0; i < 4; i++)
        {
            refreshTokens.Add(Kept().GetProperty("refreshToken").GetString());
            _auth.Clock.Advance(TimeSpan.FromMinutes(10));
            (await _shell.RunAsync("whoami")).Expect(0);
        }

        Assert.Equal(4, refreshTokens.Count);
    }

    [Fact]
    public async Task An_API_token_is_made_listed_used_and_revoked()
    {
        (await LoginAsync()).Expect(0);

        var made = (await _shell.RunAsync("token", "create", "--label", "nightly backup", "--scope", "openid", "--expires", "7d")).Expect(0);
        var token = made.Out.Trim();
        Assert.Matches("^smt_[0-9A-Za-z]{40,}$", token);
        var id = Regex.Match(made.Error, "^API token ([0-9a-f]{32}), holds for 7d").Groups[1].Value;

        using var script = new TestShell(_auth.Url) { Clock = _auth.Clock };
        script.Variables["MESH_TOKEN"] = token;
        Assert.Contains("\"user_name\":\"demo\"", (await script.RunAsync("curl", "/uaa/userinfo")).Expect(0).Body, StringComparison.Ordinal);
        (await script.RunAsync("token", "list")).Expect(4); // an API token manages no API tokens

        var row = (await _shell.RunAsync("token", "list", "--output", "json")).Expect(0).Json.EnumerateArray().Single(r => r.GetProperty("id").GetString() == id);
        Assert.Equal(["id", "label", "scopes", "createdAt", "expiresAt", "lastUsedAt", "lastUsedFrom"], row.EnumerateObject().Select(m => m.Name));
        Assert.Equal(("nightly backup", "openid"), (row.GetProperty("label").GetString(), row.GetProperty("scopes")[0].GetString()));
        Assert.Equal(TimeSpan.FromDays(7), row.GetProperty("expiresAt").GetDateTimeOffset() - row.GetProperty("createdAt").GetDateTimeOffset());
        Assert.NotEqual(JsonValueKind.Null, row.GetProperty("lastUsedAt").ValueKind);
        Assert.Contains("nightly backup", (await _shell.RunAsync("token", "list")).Expect(0).Out, StringComparison.Ordinal);

        (await _shell.RunAsync("token", "revoke", id)).Expect(0);
        (await _shell.RunAsync("token", "revoke", id)).Expect(1);
        var refused = (await script.RunAsync("curl", "/uaa/userinfo")).Expect(3);
        Assert.Contains("the token in MESH_TOKEN was not accepted", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_API_token_cannot_have_more_than_its_maker()
    {
        (await LoginAsync()).Expect(0);

        var ran = (await _shell.RunAsync("token", "create", "--label", "x", "--scope", "uaa.admin")).Expect(1);

        Assert.Contains("uaa.admin is not a scope of the token that asks", ran.Error, StringComparison.Ordinal);
        Assert.Equal("", ran.Out);
    }

    [Fact]
    public async Task Keys_are_rotated_by_an_administrator_alone_and_a_sign_in_goes_on_after_an_emergency()
    {
        (await LoginAsync()).Expect(0);
        var refused = (await _shell.RunAsync("keys", "rotate")).Expect(4);
        Assert.Contains("the scope uaa.admin is missing; this token has openid ui.", refused.Error, StringComparison.Ordinal);

        using var operators = new TestShell(_auth.Url) { Clock = _auth.Clock };
        operators.Variables["MESH_CLIENT_SECRET"] = "adminsecret";
        var planned = (await operators.RunAsync("keys", "rotate", "--output", "json")).Expect(0).Json;
        Assert.NotEmpty(planned.GetProperty("keys").EnumerateArray());
        (await _shell.RunAsync("whoami")).Expect(0);
        Assert.Contains("signs from now on", (await operators.RunAsync("keys", "rotate", "--emergency")).Expect(0).Out, StringComparison.Ordinal);

        // Its access token is refused now; the command renews it by itself.
        (await _shell.RunAsync("whoami")).Expect(0);
    }

    [Fact]
    public async Task A_refusal_of_the_real_service_is_explained()
    {
        (await LoginAsync()).Expect(0);

        var scope = (await _shell.RunAsync("curl", "-f", "/uaa/oauth/clients")).Expect(4);
        var nothing = (await _shell.RunAsync("curl", "/uaa/no-such-thing")).Expect(1);

        Assert.Contains("clients.read", scope.Error, StringComparison.Ordinal);
        Assert.StartsWith("mesh: 404 Not Found: ", nothing.Error, StringComparison.Ordinal);
    }

    private JsonElement Kept() => JsonDocument.Parse(File.ReadAllText(_shell.CredentialsPath)).RootElement.GetProperty("targets").GetProperty(_auth.Url);

    private Task RestoreAsync(JsonElement signIn) => File.WriteAllTextAsync(
        _shell.CredentialsPath, JsonSerializer.Serialize(new { version = 1, targets = new Dictionary<string, JsonElement> { [_auth.Url] = signIn } }));
}
