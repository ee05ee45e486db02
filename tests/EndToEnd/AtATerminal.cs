using System.Diagnostics;
using System.Text.RegularExpressions;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.EndToEnd;

/// <summary>What a person and a script do with <c>./mesh</c> against a mesh that runs: through the gateway, with the pages of the token service.</summary>
[Collection(nameof(DemoMesh))]
public sealed class AtATerminal(DemoMesh demo) : IDisposable
{
    private readonly RunningMesh _mesh = demo.Mesh;
    private readonly TemporaryFolder _home = new();

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task A_person_signs_in_with_the_browser_calls_makes_a_token_for_a_script_and_signs_out()
    {
        using var person = new PersonInBrowser("demo", "demo");
        var (login, page) = await LoginAsync(@"^  (http\S+)$", person, "login", "--no-browser");
        Assert.True(login.ExitCode == 0, login.Error);
        Assert.Equal($"Signed in at {_mesh.Url.OriginalString} as demo, scopes openid ui.\n", login.Output);
        Assert.Contains("You may close this window", page, StringComparison.Ordinal);

        var account = await MeshAsync("curl", "/accounts/current");
        Assert.True(account.ExitCode == 0, account.Error);
        Assert.Contains("\"name\":\"demo\"", account.Output, StringComparison.Ordinal);
        var refused = await MeshAsync("curl", "-f", "/accounts/stranger1");
        Assert.Equal((4, ""), (refused.ExitCode, refused.Output));
        Assert.Single(refused.ErrorLines);

        var made = await MeshAsync("token", "create", "--label", "script", "--scope", "openid", "--expires", "1d");
        Assert.True(made.ExitCode == 0, made.Error);
        var script = await RunAsync(new() { ["MESH_TOKEN"] = made.Output.Trim() }, "curl", "/uaa/userinfo");
        Assert.Contains("\"user_name\":\"demo\"", script.Output, StringComparison.Ordinal);

        Assert.Equal(0, (await MeshAsync("logout")).ExitCode);
        Assert.Equal(3, (await MeshAsync("curl", "/accounts/current")).ExitCode);
    }

    [Fact]
    public async Task A_person_signs_in_on_another_device()
    {
        using var person = new PersonInBrowser("demo", "demo");
        var (login, _) = await LoginAsync(@"or open (\S+) and compare", person, "login", "--device");

        Assert.True(login.ExitCode == 0, login.Error);
        var who = await MeshAsync("whoami", "--output", "json");
        Assert.Contains("\"userName\": \"demo\"", who.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_signed_in_and_no_mesh_have_exit_codes_of_their_own()
    {
        Assert.Equal(3, (await MeshAsync("whoami")).ExitCode);
        Assert.Equal(5, (await RunAsync(new() { ["MESH_URL"] = "http://localhost:1" }, "login")).ExitCode);
        Assert.Equal(2, (await MeshAsync("curl")).ExitCode);
    }

    /// <summary>Starts a sign-in and has the person open the address that it prints.</summary>
    private async Task<(Ended Login, string Page)> LoginAsync(string address, PersonInBrowser person, params string[] arguments)
    {
        using var login = Process.Start(Start(arguments))!;
        login.StandardInput.Close();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var output = login.StandardOutput.ReadToEndAsync(limit.Token);
        var said = new List<string>();
        var page = "";
        while (await login.StandardError.ReadLineAsync(limit.Token) is { } line)
        {
            said.Add(line);
            if (Regex.Match(line, address) is { Success: true } match) page = (await person.OpenAsync(new Uri(match.Groups[1].Value))).Page;
        }

        await login.WaitForExitAsync(limit.Token);
        return (new Ended(login.ExitCode, await output, string.Join('\n', said)), page);
    }

    private Task<Ended> MeshAsync(params string[] arguments) => RunAsync([], arguments);

    private Task<Ended> RunAsync(Dictionary<string, string> more, params string[] arguments) =>
        Repository.RunAsync(Path.Combine(Repository.Root, "mesh"), arguments, _home.Path, environment: Environment(more));

    private ProcessStartInfo Start(string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "mesh"), arguments)
        {
            WorkingDirectory = _home.Path,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Environment([])) start.Environment[name] = value;
        return start;
    }

    private Dictionary<string, string> Environment(Dictionary<string, string> more) => new(
        new Dictionary<string, string> { ["MESH_URL"] = _mesh.Url.OriginalString, ["MESH_CREDENTIALS"] = Path.Combine(_home.Path, "credentials.json") }
            .Where(pair => !more.ContainsKey(pair.Key)).Concat(more));
}
