using System.Text.Json;
using SecureMesh.Auth.Tests.Clients;
using SecureMesh.Auth.Tests.Token;

namespace SecureMesh.Auth.Tests.Passports;

/// <summary>A gateway as auth sees it: a key, and a client that may announce it.</summary>
internal sealed class GatewayKey : IDisposable
{
    private readonly SigningClient _key = new();

    public string Kid => _key.Thumbprint;

    public Dictionary<string, object> Jwk => new(_key.Jwk) { ["kid"] = Kid };

    public Dictionary<string, object> PrivateJwk => new(_key.PrivateJwk) { ["kid"] = Kid, ["alg"] = "ES256", ["use"] = "sig" };

    /// <summary>The token of a client that may announce.</summary>
    public static async Task<string> AnnouncerAsync(DemoAuth auth, string client = "edge")
    {
        await Given.ClientAsync(auth, client, "client_credentials", authorities: "passports.announce");
        return await auth.ClientTokenAsync(client, client + "-secret");
    }

    public Task<Reply> AnnounceAsync(DemoAuth auth, string? token) => auth.CallAsync("POST", "uaa/passport_keys", token, JsonSerializer.Serialize(Jwk));

    public string Sign(string typ, Dictionary<string, object> claims) =>
        _key.Sign(new() { ["alg"] = "ES256", ["typ"] = typ, ["kid"] = Kid }, claims);

    public static async Task<string[]> PublishedAsync(DemoAuth auth) =>
        [.. (await auth.GetAsync("uaa/passport_keys")).Json.GetProperty("keys").EnumerateArray().Select(key => key.GetProperty("kid").GetString()!)];

    public void Dispose() => _key.Dispose();
}
