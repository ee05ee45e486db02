using System.CommandLine;
using SecureMesh.Cli.Terminal;
using SecureMesh.Cli.Topology;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh secrets</c>: an environment file for docker-compose.yml, new on every call; no default secret stands anywhere.</summary>
internal static class SecretsCommand
{
    public static Command Create(Shell shell)
    {
        var command = new Command("secrets", "Print fresh secrets for docker-compose.yml: ./mesh secrets > .env");
        command.SetAction(arguments =>
        {
            if (OutputForm.IsJson(arguments)) WriteJson(shell.Out);
            else Write(shell.Out, shell.Error);
        });
        return command;
    }

    internal static void Write(TextWriter output, TextWriter errors)
    {
        var (variables, admin) = Draw();
        output.WriteLine("# Secrets of one mesh for docker-compose.yml. Keep this file to yourself: chmod 600 .env");
        output.WriteLine("# The database keeps its passwords and its sealing key from its first start: a new file needs a new database volume.");
        foreach (var (name, value) in variables)
        {
            if (name == SealingKey) output.WriteLine("# Opens the signing keys in the database: keep a copy, apart from the database's backup.");
            output.WriteLine($"{name}={value}");
        }

        // Not for the file: the mesh needs its hash alone, the operator the plain value.
        errors.WriteLine($"The client admin has the secret {admin} in a mesh with these secrets; it is shown once.");
    }

    private const string SealingKey = "MESH_SEALING_KEY";

    private static void WriteJson(TextWriter output)
    {
        var (variables, admin) = Draw();
        output.WriteLine(JsonText.Of(json =>
        {
            json.WriteStartObject();
            json.WriteString("adminSecret", admin);
            json.WriteStartObject("variables");
            foreach (var (name, value) in variables) json.WriteString(name, value);
            json.WriteEndObject();
            json.WriteEndObject();
        }));
    }

    private static (List<(string Name, string Value)> Variables, string Admin) Draw()
    {
        var admin = Entropy.Token();
        var secrets = MeshSecrets.Generate(demo: false, MeshSecrets.Hash(admin));
        List<(string, string)> variables =
        [
            .. secrets.Services.Select(s => (Variable("MESH_SECRET", s.Key), s.Value)),
            .. secrets.Clients.Select(s => (Variable("MESH_CLIENT_SECRET", s.Key), s.Value)),
            .. secrets.Bootstrap.Select(s => (Variable("MESH_CLIENT_HASH", s.Key), s.Value)),
            ("MESH_CREDENTIALS", secrets.Credentials),
            (SealingKey, Convert.ToBase64String(Entropy.Bytes(32))),
            ("MESH_DATABASE_PASSWORD_ADMIN", Entropy.Token()),
            .. ServiceKind.All.Where(k => k.Store).Select(k => (Variable("MESH_DATABASE_PASSWORD", k.Name), Entropy.Token())),
        ];
        return (variables, admin);
    }

    private static string Variable(string prefix, string name) => $"{prefix}_{name.Replace('-', '_').ToUpperInvariant()}";
}
