using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Tests.Token;

/// <summary>Clients and sessions that the tests of grants start from.</summary>
internal static class Given
{
    public const string Exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    public const string JwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    public const string Device = "urn:ietf:params:oauth:grant-type:device_code";
    public const string AccessTokenType = "urn:ietf:params:oauth:token-type:access_token";
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A client whose secret is its id and <c>-secret</c>.</summary>
    public static async Task ClientAsync(DemoAuth auth, string id, string grants, string scopes = "", string authorities = "", ClientMetadata? metadata = null)
    {
        var client = new Client
        {
            ZoneId = "uaa",
            Id = id,
            Name = id,
            GrantTypes = grants.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            Scopes = scopes.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            Authorities = authorities.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            TokenSalt = "salt",
            SecretHash = ClientSecret.FromSha256(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(id + "-secret")))),
            Metadata = metadata ?? new ClientMetadata(),
        };
        Assert.True(await auth.Services.GetRequiredService<IClients>().TryAddAsync(client, Cancel));
    }

    public static async Task<User> UserAsync(DemoAuth auth, string name = "demo") =>
        (await auth.Services.GetRequiredService<IUsers>().FindByNameAsync("uaa", name, Cancel))!;

    /// <summary>A live session of the user.</summary>
    public static async Task<Session> SessionAsync(DemoAuth auth, string name = "demo")
    {
        var user = await UserAsync(auth, name);
        var now = auth.Clock.GetUtcNow();
        var session = new Session
        {
            Id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
            ZoneId = "uaa",
            UserId = user.Id,
            AuthTime = now,
            Amr = ["pwd"],
            CreatedAt = now,
            ExpiresAt = now.AddHours(12),
            SeenAt = now,
            UserSalt = user.Salt,
        };
        await auth.Services.GetRequiredService<ISessionStore>().AddAsync(session, session.Id + "-secret", Cancel);
        return session;
    }

    /// <summary>A token signed by the service itself, with claims that it would not write.</summary>
    public static string Signed(DemoAuth auth, string typ, string claimsJson) =>
        auth.Services.GetRequiredService<TokenSigner>().Sign(typ, "ES256", Encoding.UTF8.GetBytes(claimsJson));
}
