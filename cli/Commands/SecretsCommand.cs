using System.CommandLine;
using SecureMesh.Cli.Topology;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh secrets</c>: an environment file for docker-compose.yml, new on every call; no default secret stands anywhere.</summary>
internal static class SecretsCommand
{
    public static Command Create()
    {
        var command = new Command("secrets", "Print fresh secrets for docker-compose.yml: ./mesh secrets > .env");
        command.SetAction(_ => Write(Console.Out, Console.Error));
        return command;
    }

    internal static void Write(TextWriter output, TextWriter errors)
    {
        var admin = Entropy.Token();
        var secrets = MeshSecrets.Generate(demo: false, MeshSecrets.Hash(admin));
        output.WriteLine("# Secrets of one mesh for docker-compose.yml. Keep this file to yourself: chmod 600 .env");
        output.WriteLine("# The database keeps its passwords and its sealing key from its first start: a new file needs a new database volume.");
        foreach (var (name, secret) in secrets.Services) output.WriteLine($"{Variable("MESH_SECRET", name)}={secret}");
        foreach (var (client, secret) in secrets.Clients) output.WriteLine($"{Variable("MESH_CLIENT_SECRET", client)}={secret}");
        foreach (var (client, hash) in secrets.Bootstrap) output.WriteLine($"{Variable("MESH_CLIENT_HASH", client)}={hash}");
        output.WriteLine($"MESH_CREDENTIALS={secrets.Credentials}");
        output.WriteLine("# Opens the signing keys in the database: keep a copy, apart from the database's backup.");
        output.WriteLine($"MESH_SEALING_KEY={Convert.ToBase64String(Entropy.Bytes(32))}");
        output.WriteLine($"MESH_DATABASE_PASSWORD_ADMIN={Entropy.Token()}");
        foreach (var kind in ServiceKind.All.Where(k => k.Store))
            output.WriteLine($"{Variable("MESH_DATABASE_PASSWORD", kind.Name)}={Entropy.Token()}");
        // Not for the file: the mesh needs its hash alone, the operator the plain value.
        errors.WriteLine($"The client admin has the secret {admin} in a mesh with these secrets; it is shown once.");
    }

    private static string Variable(string prefix, string name) => $"{prefix}_{name.Replace('-', '_').ToUpperInvariant()}";
}
