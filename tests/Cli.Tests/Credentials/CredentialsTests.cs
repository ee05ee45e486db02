using System.Diagnostics;
using System.Text.Json;
using SecureMesh.Cli.Tests.Login;
using SecureMesh.Cli.Tests.Terminal;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Cli.Tests.Credentials;

public sealed class CredentialsTests : IAsyncLifetime
{
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TestClock _clock = new();
    private TokenService _service = null!;
    private TestShell _shell = null!;

    public async ValueTask InitializeAsync()
    {
        _service = await TokenService.StartAsync();
        _service.Clock = _clock;
        _shell = new TestShell(_service.Url) { Browser = TokenService.BrowseAsync, Clock = _clock };
    }

    public async ValueTask DisposeAsync()
    {
        _shell.Dispose();
        await _service.DisposeAsync();
    }

    [Fact]
    public async Task Only_the_owner_can_read_the_file_and_enter_its_folder()
    {
        (await _shell.RunAsync("login")).Expect(0);

        Assert.Equal(OwnersFile, File.GetUnixFileMode(_shell.CredentialsPath));
        Assert.Equal(OwnersFile, File.GetUnixFileMode(_shell.CredentialsPath + ".lock"));
        Assert.Equal(OwnersFile | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(_shell.CredentialsPath)!));
        Assert.Equal(["credentials.json", "credentials.json.lock"], Directory.GetFiles(Path.GetDirectoryName(_shell.CredentialsPath)!).Select(Path.GetFileName).Order());
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead, "0640")]
    [InlineData(UnixFileMode.OtherRead, "0604")]
    [InlineData(UnixFileMode.OtherWrite, "0602")]
    public async Task A_file_that_others_can_read_or_change_is_not_used_and_the_message_mends_it(UnixFileMode others, string mode)
    {
        (await _shell.RunAsync("login")).Expect(0);
        File.SetUnixFileMode(_shell.CredentialsPath, OwnersFile | others);

        var refused = (await _shell.RunAsync("curl", "/any/thing")).Expect(78);

        Assert.Contains($"(mode {mode}), so it is not used: chmod 600 '{_shell.CredentialsPath}'", refused.Error, StringComparison.Ordinal);
        Assert.Empty(_service.AuthorizationHeaders);
        foreach (var command in new[] { "whoami", "logout", "login" }) (await _shell.RunAsync(command)).Expect(78);
        Process.Start("chmod", ["600", _shell.CredentialsPath]).WaitForExit();
        (await _shell.RunAsync("curl", "/any/thing")).Expect(0);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"version\":1,\"targets\":{\"x\":null}}")]
    [InlineData("{\"version\":1,\"targets\":{\"x\":{}}}")]
    [InlineData("{\"version\":2,\"targets\":{}}")]
    [InlineData("{\"version\":1,\"targ")]
    public async Task A_damaged_file_is_named_and_left_as_it_is(string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_shell.CredentialsPath)!);
        await File.WriteAllTextAsync(_shell.CredentialsPath, content, TestContext.Current.CancellationToken);
        File.SetUnixFileMode(_shell.CredentialsPath, OwnersFile);

        var ran = (await _shell.RunAsync("whoami")).Expect(78);

        Assert.Equal($"mesh: the credentials file {_shell.CredentialsPath} is damaged: remove it and sign in again with ./mesh login.\n", ran.Error);
        Assert.Equal(content, await File.ReadAllTextAsync(_shell.CredentialsPath, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Each_mesh_has_a_sign_in_of_its_own()
    {
        await using var other = await TokenService.StartAsync();
        (await _shell.RunAsync("login")).Expect(0);
        (await _shell.RunAsync("whoami", "--url", other.Url)).Expect(3);
        (await _shell.RunAsync("login", "--url", other.Url)).Expect(0);
        (await _shell.RunAsync("logout")).Expect(0);

        (await _shell.RunAsync("whoami")).Expect(3);
        (await _shell.RunAsync("whoami", "--url", other.Url)).Expect(0);
        Assert.Empty(other.Revoked);
    }

    [Theory]
    [InlineData("MESH_CREDENTIALS", "own/file.json", "own/file.json")]
    [InlineData("XDG_CONFIG_HOME", "xdg", "xdg/securemesh/credentials.json")]
    public async Task Settings_move_the_file(string variable, string value, string expected)
    {
        _shell.Variables[variable] = Path.Combine(_shell.Home, value);

        (await _shell.RunAsync("login")).Expect(0);

        Assert.Equal(OwnersFile, File.GetUnixFileMode(Path.Combine(_shell.Home, expected)));
        Assert.False(File.Exists(_shell.CredentialsPath));
    }

    [Fact]
    public async Task A_link_stays_a_link()
    {
        var elsewhere = Path.Combine(_shell.Home, "elsewhere.json");
        Directory.CreateDirectory(Path.GetDirectoryName(_shell.CredentialsPath)!);
        File.CreateSymbolicLink(_shell.CredentialsPath, elsewhere);

        (await _shell.RunAsync("login")).Expect(0);

        Assert.Equal(elsewhere, new FileInfo(_shell.CredentialsPath).LinkTarget);
        Assert.Equal(OwnersFile, File.GetUnixFileMode(elsewhere));
    }

    [Fact]
    public async Task A_token_that_ends_soon_is_renewed_before_the_call_and_one_that_does_not_is_left()
    {
        (await _shell.RunAsync("login")).Expect(0);
        _clock.Advance(TimeSpan.FromSeconds(569));
        (await _shell.RunAsync("curl", "/any/thing")).Expect(0);
        Assert.Equal(0, _service.Refreshes);

        _clock.Advance(TimeSpan.FromSeconds(2));
        (await _shell.RunAsync("curl", "/any/thing")).Expect(0);
        (await _shell.RunAsync("curl", "/any/thing")).Expect(0);

        Assert.Equal(1, _service.Refreshes);
        Assert.Equal(2, _service.AuthorizationHeaders.Distinct().Count());
    }

    [Fact]
    public async Task Many_calls_that_renew_at_once_spend_one_refresh_token()
    {
        (await _shell.RunAsync("login")).Expect(0);
        _clock.Advance(TimeSpan.FromSeconds(590));
        _service.RefreshTakes = TimeSpan.FromMilliseconds(200);
        _shell.Clock = new Ahead(_clock); // the wait for the lock takes real time

        var ran = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => _shell.RunAsync("curl", "/any/thing")));

        Assert.All(ran, r => r.Expect(0));
        Assert.Equal(1, _service.Refreshes);
        Assert.False(_service.FamilyIsDead);
    }

    [Fact]
    public async Task Processes_that_renew_at_once_lose_no_refresh_token()
    {
        // Tokens that live for 10 s are renewed by every call: each process needs the newest refresh token of another one.
        _service.Clock = TimeProvider.System;
        _shell.Clock = TimeProvider.System;
        _service.Life = 10;
        (await _shell.RunAsync("login")).Expect(0);

        var codes = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => ProcessAsync("curl", "/any/thing")));

        Assert.All(codes, code => Assert.Equal(0, code));
        Assert.Equal(6, _service.Refreshes);
        Assert.False(_service.FamilyIsDead);
    }

    [Fact]
    public async Task Ctrl_C_during_a_renewal_keeps_the_new_refresh_token()
    {
        (await _shell.RunAsync("login")).Expect(0);
        _clock.Advance(TimeSpan.FromSeconds(590));
        _service.RefreshTakes = TimeSpan.FromMilliseconds(300);
        using var stop = new CancellationTokenSource();
        var interrupted = _shell.RunAsync("", stop.Token, "curl", "/any/thing");
        while (_service.Refreshes == 0) await Task.Delay(5, TestContext.Current.CancellationToken);
        await stop.CancelAsync();

        (await interrupted).Expect(130);
        _clock.Advance(TimeSpan.FromSeconds(590));
        (await _shell.RunAsync("curl", "/any/thing")).Expect(0);

        Assert.False(_service.FamilyIsDead);
    }

    [Fact]
    public async Task A_sign_in_that_was_ended_elsewhere_is_forgotten_and_said()
    {
        (await _shell.RunAsync("login")).Expect(0);
        _service.EndFamily();
        _clock.Advance(TimeSpan.FromSeconds(600));

        var ran = (await _shell.RunAsync("curl", "/any/thing")).Expect(3);

        Assert.Equal($"mesh: the sign-in at {_service.Url} has ended (The token expired, was revoked, or the token ID is incorrect): sign in again with ./mesh login.\n", ran.Error);
        Assert.Empty(JsonDocument.Parse(await File.ReadAllTextAsync(_shell.CredentialsPath, TestContext.Current.CancellationToken)).RootElement.GetProperty("targets").EnumerateObject());
        Assert.Empty(_service.AuthorizationHeaders);
    }

    [Fact]
    public async Task Logout_revokes_the_refresh_token_and_forgets_it()
    {
        (await _shell.RunAsync("login")).Expect(0);

        var ran = (await _shell.RunAsync("logout")).Expect(0);
        var again = (await _shell.RunAsync("logout", "--output", "json")).Expect(0);

        Assert.Equal($"Signed out of {_service.Url}.\n", ran.Out);
        Assert.Single(_service.Revoked, token => token.StartsWith("refresh-", StringComparison.Ordinal));
        Assert.Equal((false, false), (again.Json.GetProperty("wasSignedIn").GetBoolean(), again.Json.GetProperty("revoked").GetBoolean()));
        (await _shell.RunAsync("whoami")).Expect(3);
    }

    [Fact]
    public async Task Logout_forgets_the_tokens_also_when_the_mesh_is_away_and_says_so()
    {
        (await _shell.RunAsync("login")).Expect(0);
        await _service.DisposeAsync();

        var ran = (await _shell.RunAsync("logout")).Expect(5);

        Assert.StartsWith("mesh: the tokens are forgotten here but could not be revoked: ", ran.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("refresh-", await File.ReadAllTextAsync(_shell.CredentialsPath, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    /// <summary>Runs the program itself, as from another terminal.</summary>
    private async Task<int> ProcessAsync(params string[] arguments)
    {
        var program = typeof(SecureMesh.Cli.Login.Target).Assembly.Location;
        var runtime = Path.ChangeExtension(typeof(CredentialsTests).Assembly.Location, ".runtimeconfig.json");
        var depends = Path.ChangeExtension(typeof(CredentialsTests).Assembly.Location, ".deps.json");
        var start = new ProcessStartInfo("dotnet", ["exec", "--depsfile", depends, "--runtimeconfig", runtime, program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["MESH_CREDENTIALS"] = _shell.CredentialsPath;
        start.Environment["MESH_URL"] = _service.Url;
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? 0 : throw new InvalidOperationException($"{process.ExitCode}: {await output}{await error}");
    }

    /// <summary>The time of day of a test, with timers that run.</summary>
    private sealed class Ahead(TimeProvider day) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => day.GetUtcNow();
    }
}
