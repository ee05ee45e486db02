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
                    json.WriteStartArray("keys");
                    foreach (var key in Keys(answer))
                    {
                        json.WriteStartObject();
                        json.Member("kid", key.Kid);
                        json.Member("alg", key.Alg);
                        json.Member("signsFrom", key.SignsFrom);
                        json.WriteEndObject();
                    }

                    json.WriteEndArray();
                    json.Member("removed", answer.Json.Texts("removed"));
                    json.WriteEndObject();
                },
                text =>
                {
                    foreach (var key in Keys(answer))
                        text.WriteLine($"{PlainText.Of(key.Alg)} key {PlainText.Of(key.Kid)} {(isEmergency ? "signs from now on" : $"is published and signs from {key.SignsFrom?.UtcDateTime:yyyy-MM-dd HH:mm} UTC on")}.");
                    if (isEmergency) text.WriteLine($"What the {answer.Json.Texts("removed").Count} earlier keys signed is refused: everyone needs a new token.");
                });
            return ExitCode.Ok;
        });
        return new Command("keys", "The keys that sign tokens.") { rotate };
    }

    private static List<(string? Kid, string? Alg, DateTimeOffset? SignsFrom)> Keys(WireAnswer answer) =>
        answer.Json.Get("keys") is { ValueKind: System.Text.Json.JsonValueKind.Array } keys
            ? [.. keys.EnumerateArray().Select(k => (k.Text("kid"), k.Text("alg"), k.Number("signs_from") is { } seconds ? DateTimeOffset.FromUnixTimeSeconds(seconds) : (DateTimeOffset?)null))]
            : [];
}
