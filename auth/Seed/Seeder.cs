using Microsoft.Extensions.Options;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Seed;

/// <summary>Section <c>auth:bootstrap</c>.</summary>
internal sealed class BootstrapOptions
{
    /// <summary>SHA-256 (hex) of the generated secrets of the mesh's own clients, by client id; without regard to case, as settings are.</summary>
    public Dictionary<string, string> Secrets { get; } = new(StringComparer.OrdinalIgnoreCase);
}

/// <summary>Makes the identities a mesh needs to start with, and keeps demo and production data apart.</summary>
internal sealed partial class Seeder(
    IInstallation installation, IClients clients, IUsers users, SlowHash slow, IOptions<BootstrapOptions> bootstrap, IOptions<MeshOptions> mesh,
    TimeProvider time, ILogger<Seeder> logger)
{
    private const string IssuerPath = "/uaa/oauth/token";

    public async Task SeedAsync(CancellationToken cancellationToken)
    {
        var secrets = Secrets();
        var wanted = mesh.Value.Demo ? "demo" : "production";
        if (!mesh.Value.Demo && await installation.HasDemoIdentitiesAsync(cancellationToken))
            throw new MeshStartException(
                "the data holds demo identities: start with a fresh --data folder or database, or remove them with: ./mesh remove-demo (and the same --data or --database)");
        if (await installation.ClaimModeAsync(wanted, cancellationToken) is var mode && mode != wanted && mesh.Value.Demo)
            throw new MeshStartException(
                "the data belongs to a mesh that runs with --production, and a demo would add users with known passwords to it: start with --production, or with a fresh --data folder or database");

        if (mesh.Value.Demo) await DemoAsync(cancellationToken);
        else await ProductionAsync(secrets, cancellationToken);
        foreach (var (client, hash) in secrets)
            if (await clients.ReplaceSecretAsync(Zone.Default, client, hash, cancellationToken)) Log.SecretChanged(logger, client);
    }

    // The stored forms by client id.
    private Dictionary<string, string> Secrets()
    {
        var known = Identities.Production(Address()).Where(client => !client.AllowPublic).Select(client => client.Id).ToArray();
        var secrets = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, hex) in bootstrap.Value.Secrets)
        {
            var id = known.FirstOrDefault(id => id.Equals(name, StringComparison.OrdinalIgnoreCase))
                ?? throw new MeshStartException($"auth:bootstrap:secrets:{name} names no client that gets a secret at the start; these do: {string.Join(", ", known)}.");
            if (hex.Length != 64 || !hex.All(char.IsAsciiHexDigit))
                throw new MeshStartException($"auth:bootstrap:secrets:{id} must be the SHA-256 of the secret, 64 hex digits.");
            secrets[id] = ClientSecret.FromSha256(hex);
        }
        return secrets;
    }

    private async Task DemoAsync(CancellationToken cancellationToken)
    {
        // At the first start there are several slow hashes to make; they share the processors.
        var work = Identities.Demo(Address()).Select(seed => DemoClientAsync(seed, cancellationToken))
            .Concat(Identities.DemoUsers.Select(seed => DemoUserAsync(seed, cancellationToken)));
        await Task.WhenAll(work);
    }

    private async Task DemoClientAsync(SeedClient seed, CancellationToken cancellationToken)
    {
        if (await clients.FindAsync(Zone.Default, seed.Client.Id, cancellationToken) is not null) return;
        var hash = seed.Secret switch { null => null, "" => ClientSecret.Empty, var secret => await HashAsync(secret, FormBody.Decode(secret)) };
        if (await clients.TryAddAsync(seed.Client with { SecretHash = hash, Demo = true }, cancellationToken)) Log.Seeded(logger, "demo client", seed.Client.Id);
    }

    private async Task DemoUserAsync(SeedUser seed, CancellationToken cancellationToken)
    {
        if (await users.FindByNameAsync(Zone.Default, seed.UserName, cancellationToken) is not null) return;
        var user = new User
        {
            Id = User.NewId(),
            ZoneId = Zone.Default,
            UserName = seed.UserName,
            Email = seed.Email,
            GivenName = seed.GivenName,
            FamilyName = seed.FamilyName,
            PasswordHash = await HashAsync(seed.Password),
            Salt = Entropy.HexId(),
            Demo = true,
            CreatedAt = time.GetUtcNow(),
        };
        if (await users.TryAddAsync(user, seed.Groups, cancellationToken)) Log.Seeded(logger, "demo user", seed.UserName);
    }

    private async Task ProductionAsync(Dictionary<string, string> secrets, CancellationToken cancellationToken)
    {
        foreach (var client in Identities.Production(Address()))
        {
            var hash = secrets.GetValueOrDefault(client.Id);
            // A client without a secret of its own is of no use to anyone but an attacker, the public one aside.
            if (hash is null && !client.AllowPublic) continue;
            if (await clients.TryAddAsync(client with { SecretHash = hash }, cancellationToken)) Log.Seeded(logger, "client", client.Id);
        }
    }

    private async Task<string> HashAsync(string secret, string? decoded = null) =>
        await slow.HashAsync(secret, decoded) ?? throw new MeshStartException("auth:hashing:queue is too small to hash the secrets of the demo.");

    private string Address()
    {
        var issuer = mesh.Value.Issuer;
        return issuer.EndsWith(IssuerPath, StringComparison.Ordinal) ? issuer[..^IssuerPath.Length] : new Uri(issuer).GetLeftPart(UriPartial.Authority);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.Seeded, LogLevel.Information, "Added the {Kind} {Name}")]
        public static partial void Seeded(ILogger logger, string kind, string name);

        [LoggerMessage(EventIds.BootstrapSecretChanged, LogLevel.Information, "The secret of client {ClientId} is the one given at this start")]
        public static partial void SecretChanged(ILogger logger, string clientId);
    }
}
