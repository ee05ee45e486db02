using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Login;
using SecureMesh.Auth.Token.Device;

namespace SecureMesh.Auth.Tests.Token;

/// <summary>V-035: each grant with each thing that was switched off after it began. What is off gets no token, whatever the way.</summary>
public sealed class PolicyMatrixTests
{
    private const string Client = "all:all-secret";
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static readonly string[] _grants = ["password", "passcode", "client_credentials", "refresh_token", "device_code", "user_token", "token_exchange"];

    // What is switched off, and the grants that have nothing to do with it.
    private static readonly (string Name, string Change, string[] Untouched)[] _switches =
    [
        ("user inactive", "UPDATE users SET active = @no WHERE user_name = 'demo'", ["client_credentials"]),
        ("user not verified", "UPDATE users SET verified = @no WHERE user_name = 'demo'", ["client_credentials"]),
        ("user deleted", "DELETE FROM users WHERE user_name = 'demo'", ["client_credentials"]),
        ("client disabled", "UPDATE clients SET enabled = @no WHERE client_id = 'all'", []),
        ("grants removed", "UPDATE clients SET grant_types = 'implicit' WHERE client_id = 'all'", []),
        ("scopes removed", "UPDATE clients SET scopes = 'other', authorities = 'other' WHERE client_id = 'all'", []),
        ("origin not served", """UPDATE clients SET metadata = '{"allowedproviders":["ldap"]}' WHERE client_id = 'all'""", ["client_credentials"]),
        ("groups required", """UPDATE clients SET metadata = '{"required_user_groups":["nobody.has"]}' WHERE client_id = 'all'""", ["client_credentials"]),
    ];

    public static TheoryData<string, string> Matrix()
    {
        var matrix = new TheoryData<string, string>();
        foreach (var (name, _, untouched) in _switches)
            foreach (var grant in _grants.Except(untouched)) matrix.Add(grant, name);
        return matrix;
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public async Task V_035_V_050_A_06_what_was_switched_off_gets_no_token(string grant, string off)
    {
        await using var auth = await DemoAuth.StartAsync();
        await Given.ClientAsync(auth, "all", $"password client_credentials refresh_token user_token {Given.Device} {Given.Exchange}", "ui uaa.user", "ui");
        var prepared = await PrepareAsync(auth, grant);
        await auth.ExecuteAsync(_switches.Single(one => one.Name == off).Change);

        var reply = await AskAsync(auth, grant, prepared);

        Assert.True(reply.Status is 400 or 401 or 403, $"{grant}, {off}: {reply.Status} {reply.Body}");
        Assert.False(reply.Json.TryGetProperty("access_token", out _));
        Assert.False(reply.Json.TryGetProperty("refresh_token", out _));
    }

    [Fact]
    public async Task Each_grant_of_the_matrix_gives_a_token_while_nothing_is_off()
    {
        await using var auth = await DemoAuth.StartAsync();
        await Given.ClientAsync(auth, "all", $"password client_credentials refresh_token user_token {Given.Device} {Given.Exchange}", "ui uaa.user", "ui");
        foreach (var grant in _grants)
        {
            var reply = await AskAsync(auth, grant, await PrepareAsync(auth, grant));
            Assert.True(reply.Status == 200, $"{grant}: {reply.Status} {reply.Body}");
        }
    }

    private static async Task<string> PrepareAsync(DemoAuth auth, string grant)
    {
        switch (grant)
        {
            case "refresh_token":
                return (await SignInAsync(auth)).RefreshToken;
            case "user_token" or "token_exchange":
                return (await SignInAsync(auth)).AccessToken;
            case "passcode":
                var user = await Given.UserAsync(auth);
                return await auth.Services.GetRequiredService<IPasscodes>().CreateAsync(new Passcode("uaa", user.Id, auth.Clock.GetUtcNow(), ["pwd"]), Cancel);
            case "device_code":
                var started = await auth.PostAsync("uaa/oauth/device_authorization", Client, ("scope", "ui"));
                var devices = auth.Services.GetRequiredService<IDeviceAuthorizations>();
                var device = (await devices.FindAsync(started.Text("user_code"), Cancel))!;
                Assert.True(await devices.ApproveAsync(device, await Given.SessionAsync(auth), await Given.UserAsync(auth), ["ui"], Cancel));
                return started.Text("device_code");
            default:
                return "";
        }
    }

    private static async Task<Reply> AskAsync(DemoAuth auth, string grant, string prepared)
    {
        if (grant == "user_token")
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/token")
            {
                Content = new FormUrlEncodedContent([new("grant_type", "user_token"), new("client_id", "all"), new("scope", "ui")]),
            };
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + prepared);
            return await auth.SendAsync(request);
        }
        return grant switch
        {
            "password" => await SignInAsync(auth),
            "passcode" => await auth.TokenAsync(Client, ("grant_type", "password"), ("passcode", prepared), ("scope", "ui")),
            "client_credentials" => await auth.TokenAsync(Client, ("grant_type", "client_credentials"), ("scope", "ui")),
            "refresh_token" => await auth.RefreshAsync(prepared, Client),
            "device_code" => await auth.TokenAsync(Client, ("grant_type", Given.Device), ("device_code", prepared)),
            "token_exchange" => await auth.TokenAsync(Client, ("grant_type", Given.Exchange), ("subject_token", prepared), ("subject_token_type", Given.AccessTokenType), ("scope", "ui")),
            _ => throw new ArgumentOutOfRangeException(nameof(grant)),
        };
    }

    private static Task<Reply> SignInAsync(DemoAuth auth) => auth.SignInAsync(scope: "ui uaa.user", client: Client);
}
