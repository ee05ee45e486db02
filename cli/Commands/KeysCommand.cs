using System.CommandLine;
using System.Text;
using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh keys rotate</c>: new signing keys, by the regular way or at once after a theft.</summary>
internal static class KeysCommand
{
    private const string Path = "/uaa/keys/rotate";

    public static Command Create(Shell shell)
    {
        var url = CommonOptions.Url();
        var emergency = new Option<bool>("--emergency") { Description = "At once, and nothing signed by the old keys holds any longer: everyone signs in again." };
        var rotate = new Command("rotate", "Sign with new keys. Needs uaa.admin: a sign-in that has it, or the client admin's secret in MESH_CLIENT_SECRET.") { url, emergency };
        Interruption.SetAction(rotate, shell, async (arguments, cancellationToken) =>
        {
            using var calls = new MeshCalls(shell, arguments.GetValue(url));
            var isEmergency = arguments.GetValue(emergency);
            var body = JsonText.Line(json =>
            {
                json.WriteStartObject();
                json.WriteBoolean("emergency", isEmergency);
                json.WriteEndObject();
            });
            var answer = await calls.AskAsync(HttpMethod.Post, Path, Encoding.UTF8.GetBytes(body), cancellationToken).ConfigureAwait(false);
            shell.Write(
                arguments,
                json =>
                {
                    json.WriteStartObject();
                    json.Member("url", calls.Target.Name);
                    json.WriteBoolean("emergency", isEmergency);
                    json.WritePropertyName("answer");
                    if (answer.Json.ValueKind == System.Text.Json.JsonValueKind.Undefined) json.WriteNullValue();
                    else answer.Json.WriteTo(json);
                    json.WriteEndObject();
                },
                text => text.WriteLine(isEmergency
                    ? $"The keys of {calls.Target} are replaced; what the old ones signed is refused from now on."
                    : $"New keys of {calls.Target} are published; they sign as soon as everyone can know them."));
            return ExitCode.Ok;
        });
        return new Command("keys", "The keys that sign tokens.") { rotate };
    }
}
