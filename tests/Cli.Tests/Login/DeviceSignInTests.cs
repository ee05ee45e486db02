using SecureMesh.Cli.Tests.Terminal;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Cli.Tests.Login;

public sealed class DeviceSignInTests : IAsyncLifetime
{
    private readonly TestClock _clock = new();
    private TokenService _service = null!;
    private TestShell _shell = null!;

    public async ValueTask InitializeAsync()
    {
        _service = await TokenService.StartAsync();
        _service.Clock = _clock;
        _shell = new TestShell(_service.Url) { Clock = _clock };
    }

    public async ValueTask DisposeAsync()
    {
        _shell.Dispose();
        await _service.DisposeAsync();
    }

    [Fact]
    public async Task It_shows_code_and_address_and_asks_until_somebody_entered_it()
    {
        foreach (var answer in new[] { "authorization_pending", "slow_down", "authorization_pending" }) _service.DeviceAnswers.Enqueue(answer);

        var ran = (await LoginAsync()).Expect(0);

        Assert.Contains($"go to {_service.Url}/uaa/device and enter the code BCDF-GHJK\n", ran.Error, StringComparison.Ordinal);
        Assert.Equal($"Signed in at {_service.Url} as demo, scopes openid ui.\n", ran.Out);
        Assert.Equal(4, _service.Polls.Count);
        var pauses = _service.Polls.Zip(_service.Polls.Skip(1), (a, b) => (b - a).TotalSeconds).ToList();
        Assert.InRange(pauses[0], 5, 6);
        // slow_down adds five seconds for good.
        Assert.InRange(pauses[1], 10, 11);
        Assert.InRange(pauses[2], 10, 11);
    }

    [Theory]
    [InlineData("access_denied", 3, "the sign-in was refused on the other device.")]
    [InlineData("expired_token", 3, "the code has expired before anybody entered it.")]
    [InlineData("invalid_client", 1, "refused: invalid_client (invalid_client).")]
    public async Task An_end_without_tokens_says_why(string error, int code, string why)
    {
        _service.DeviceAnswers.Enqueue(error);

        var ran = (await LoginAsync()).Expect(code);

        Assert.Contains(why, ran.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_shell.CredentialsPath));
    }

    [Fact]
    public async Task A_code_that_nobody_enters_ends_by_itself()
    {
        for (var i = 0; i < 1000; i++) _service.DeviceAnswers.Enqueue("authorization_pending");

        var ran = (await LoginAsync()).Expect(3);

        Assert.Contains("has expired", ran.Error, StringComparison.Ordinal);
        Assert.InRange(_service.Polls.Count, 100, 121);
    }

    [Fact]
    public async Task A_service_without_device_codes_is_named()
    {
        _service.ChangeMetadata = metadata => metadata.Remove("device_authorization_endpoint");

        var ran = (await LoginAsync()).Expect(1);

        Assert.Contains("offers no sign-in by device code", ran.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("javascript:alert(1)")]
    [InlineData("file:///etc/passwd")]
    [InlineData("https://evil.example/device")]
    [InlineData("/uaa/device")]
    public async Task V_122_a_person_is_sent_to_no_page_but_one_of_the_mesh(string address)
    {
        _service.ChangeDevice = answer => answer["verification_uri"] = address;
        var refused = (await LoginAsync()).Expect(1);
        Assert.Contains($"sends people to {address}, which is another host.", refused.Error, StringComparison.Ordinal);
        Assert.Empty(_service.Polls);

        _service.ChangeDevice = answer => answer["verification_uri_complete"] = address;
        var ran = (await LoginAsync()).Expect(0);
        Assert.DoesNotContain("or open", ran.Error, StringComparison.Ordinal);
    }

    /// <summary>Runs the sign-in and lets time pass, a second at a step, until it has ended.</summary>
    private async Task<Ran> LoginAsync()
    {
        var login = _shell.RunAsync("login", "--device");
        while (!login.IsCompleted)
        {
            var polls = _service.Polls.Count;
            if (_shell.Said.Any(line => line.Contains("enter the code", StringComparison.Ordinal))) _clock.Advance(TimeSpan.FromSeconds(1));
            // The answer to a poll comes in real time: the clock stands still until the next wait has begun.
            for (var i = 0; i < 20 && (i < 1 || _service.Polls.Count > polls); i++) await Task.WhenAny(login, Task.Delay(1, TestContext.Current.CancellationToken));
        }

        return await login;
    }
}
