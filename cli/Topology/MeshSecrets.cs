using System.Security.Cryptography;
using System.Text;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Topology;

/// <summary>The secrets of one run: generated at its start, held in memory, given each to its own process alone.</summary>
/// <param name="Services">By wire name: what a service shows to the configuration server and the registry.</param>
/// <param name="Clients">By client id: the OAuth client secrets of the mesh's own processes.</param>
/// <param name="Bootstrap">By client id: the SHA-256 that the token service stores.</param>
internal sealed record MeshSecrets(
    IReadOnlyDictionary<string, string> Services, IReadOnlyDictionary<string, string> Clients, IReadOnlyDictionary<string, string> Bootstrap)
{
    public const string Web = "web";
    public const string Admin = "admin";

    private const string DemoAccountSecret = "account-secret";
    private const string DemoWebSecret = "web-secret";

    /// <summary>What the configuration server and the registry know of the others' secrets.</summary>
    public string Credentials => string.Join(',', Services.Select(s => $"{s.Key}:{Hash(s.Value)}"));

    /// <param name="demo">True: the OAuth clients of account and the web sign-in have the secrets that the documentation names.</param>
    /// <param name="adminHash">In production the operator's secret; whoever prints it keeps the plain value.</param>
    public static MeshSecrets Generate(bool demo, string? adminHash = null)
    {
        var services = ServiceKind.All.ToDictionary(k => k.WireName, _ => Entropy.Token());
        var clients = new Dictionary<string, string>
        {
            [ServiceKind.Gateway.WireName] = Entropy.Token(),
            [ServiceKind.Account.WireName] = demo ? DemoAccountSecret : Entropy.Token(),
            [Web] = demo ? DemoWebSecret : Entropy.Token(),
        };

        // The demo's other clients are seeded by the token service itself.
        var bootstrap = clients.Where(c => !demo || c.Key == ServiceKind.Gateway.WireName).ToDictionary(c => c.Key, c => Hash(c.Value));
        if (!demo && adminHash is not null) bootstrap[Admin] = adminHash;
        return new MeshSecrets(services, clients, bootstrap);
    }

    public static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
}
