using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Seed;

/// <summary>A client to seed: its registration, and the secret when it is public knowledge (the demo's).</summary>
internal sealed record SeedClient(Client Client, string? Secret);

/// <summary>A user to seed; the demo's alone.</summary>
internal sealed record SeedUser(string UserName, string Password, string Email, string GivenName, string FamilyName, string[] Groups);

/// <summary>The identities of the design: those of a demo, and the few of them that production needs.</summary>
internal static class Identities
{
    public static IReadOnlyList<SeedUser> DemoUsers { get; } =
    [
        new("demo", "demo", "demo@example.com", "Demo", "User", []),
        new("admin", "admin", "admin@example.com", "Admin", "User", ["uaa.admin", "scim.read", "scim.write"]),
    ];

    /// <param name="gateway">Public base URL of the gateway, for redirects.</param>
    public static IReadOnlyList<SeedClient> Demo(string gateway) =>
    [
        new(Make("browser", "Browser", "password refresh_token", "ui openid", "") with { Metadata = new ClientMetadata { ApiTokens = true } }, ""),
        new(Account, "account-secret"),
        new(Gateway, null),
        new(Web(gateway), "web-secret"),
        new(Cli, null),
        new(Admin, "adminsecret"),
        new(App(gateway), "appclientsecret"),
    ];

    public static IReadOnlyList<Client> Production(string gateway) => [Gateway, Web(gateway), Cli, Account, Admin];

    // As the applications of UAA's tutorials are: without PKCE.
    private static Client App(string gateway) =>
        Make("app", "App", "authorization_code password refresh_token", "openid ui password.write", "", gateway + "/app/") with { Metadata = new ClientMetadata { RequirePkce = false } };

    private static Client Account => Make("account-service", "Account service", "client_credentials", "", "server uaa.resource revocations.read");

    private static Client Gateway =>
        Make("gateway", "Gateway", "client_credentials", "", "uaa.resource revocations.read passports.announce sessions.write");

    private static Client Cli
    {
        get
        {
            var native = Make("mesh-cli", "Command line", "authorization_code urn:ietf:params:oauth:grant-type:device_code refresh_token",
                "openid ui uaa.admin", "", "http://127.0.0.1/callback", "http://[::1]/callback");
            return native with { AllowPublic = true, Metadata = new ClientMetadata { ApplicationType = "native", ApiTokens = true } };
        }
    }

    private static Client Admin => Make("admin", "Administrator", "client_credentials", "",
        "uaa.admin clients.read clients.write clients.secret scim.read scim.write scim.userids password.write");

    private static Client Web(string gateway)
    {
        var client = Make("web", "Sign-in at the gateway", "authorization_code refresh_token", "openid profile email ui", "", gateway + "/login/callback");
        return client with { AutoApprove = client.Scopes };
    }

    private static Client Make(string id, string name, string grants, string scopes, string authorities, params string[] redirects) => new()
    {
        ZoneId = Zone.Default,
        Id = id,
        Name = name,
        GrantTypes = Words.Split(grants),
        Scopes = Words.Split(scopes),
        Authorities = Words.Split(authorities),
        RedirectUris = redirects,
        TokenSalt = Entropy.HexId(),
    };
}
