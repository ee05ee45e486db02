using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Authorize;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Login;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Token.Device;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Tests.Token;

/// <summary>Each kind of one-time value opens what it was made for and nothing else.</summary>
public sealed class KeySpacesTests
{
    private static readonly string[] _kinds = ["code", "refresh_token", "device_code", "passcode", "user_code", "access_token", "opaque", "request_uri"];
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task T_02_V_047_no_value_of_one_kind_is_taken_for_another()
    {
        await using var auth = await DemoAuth.StartAsync();
        var values = await ValuesAsync(auth);
        Assert.Equal(_kinds.Order(), values.Keys.Order());
        (string Kind, string Grant, string Parameter)[] doors =
        [
            ("code", "authorization_code", "code"),
            ("refresh_token", "refresh_token", "refresh_token"),
            ("device_code", Given.Device, "device_code"),
            ("passcode", "password", "passcode"),
        ];

        foreach (var (kind, grant, parameter) in doors)
            foreach (var (other, value) in values.Where(pair => pair.Key != kind))
            {
                var reply = await auth.TokenAsync("app:appclientsecret", ("grant_type", grant), (parameter, value));
                Assert.True(reply.Status is 400 or 401, $"{other} as {parameter}: {reply.Status} {reply.Body}");
            }
        var devices = auth.Services.GetRequiredService<IDeviceAuthorizations>();
        foreach (var (other, value) in values.Where(pair => pair.Key != "user_code")) Assert.True(await devices.FindAsync(value, Cancel) is null, other);
        foreach (var (other, value) in values.Where(pair => pair.Key is not ("access_token" or "opaque")))
            Assert.True((await auth.GetAsync("uaa/userinfo", value)).Status is 400 or 401, other);
        // None of the attempts has spent what it stands for.
        Assert.Equal(200, (await auth.TokenAsync("app:appclientsecret", ("grant_type", "authorization_code"), ("code", values["code"]))).Status);
        Assert.Equal(200, (await auth.RefreshAsync(values["refresh_token"], "app:appclientsecret")).Status);
        Assert.Equal(200, (await auth.TokenAsync("app:appclientsecret", ("grant_type", "password"), ("passcode", values["passcode"]))).Status);
        Assert.Equal("authorization_pending", (await auth.TokenAsync("app:appclientsecret", ("grant_type", Given.Device), ("device_code", values["device_code"]))).Text("error"));
    }

    private static async Task<Dictionary<string, string>> ValuesAsync(DemoAuth auth)
    {
        await auth.ExecuteAsync($"UPDATE clients SET grant_types = 'password refresh_token authorization_code {Given.Device}' WHERE client_id = 'app'");
        var user = await Given.UserAsync(auth);
        var client = (await auth.Services.GetRequiredService<IClients>().FindAsync("uaa", "app", Cancel))!;
        var now = auth.Clock.GetUtcNow();
        var code = Entropy.Token();
        await auth.Services.GetRequiredService<IAuthorizationCodes>().TryCompleteAsync(BrowserCookie.Hash(code), new AuthorizationCode
        {
            ZoneId = "uaa",
            ClientId = "app",
            UserId = user.Id,
            GrantId = Entropy.HexId(),
            Scopes = ["ui"],
            Resources = [],
            AuthTime = now,
            Details = new SignInDetails(),
            RevSig = RevocationSignature.Of(client, user),
            CreatedAt = now,
            ExpiresAt = now.AddMinutes(1),
        }, null, null, now, Cancel);
        var tokens = await auth.SignInAsync(client: "app:appclientsecret");
        var device = await auth.PostAsync("uaa/oauth/device_authorization", "app:appclientsecret");
        var pushed = await auth.PostAsync("uaa/oauth/par", "app:appclientsecret", ("response_type", "code"), ("redirect_uri", "http://localhost:8080/app/"));
        return new Dictionary<string, string>
        {
            ["code"] = code,
            ["refresh_token"] = tokens.RefreshToken,
            ["access_token"] = tokens.AccessToken,
            ["opaque"] = (await auth.TokenAsync("app:appclientsecret", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("token_format", "opaque"))).AccessToken,
            ["device_code"] = device.Text("device_code"),
            ["user_code"] = device.Text("user_code"),
            ["passcode"] = await auth.Services.GetRequiredService<IPasscodes>().CreateAsync(new Passcode("uaa", user.Id, now, ["pwd"]), Cancel),
            ["request_uri"] = pushed.Text("request_uri"),
        };
    }
}
