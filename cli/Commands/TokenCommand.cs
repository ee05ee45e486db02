using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh token create|list|revoke</c>: API tokens for scripts and services.</summary>
internal static class TokenCommand
{
    private const string Path = "/uaa/api-tokens";

    public static Command Create(Shell shell) => new("token", "API tokens for scripts.") { CreateToken(shell), List(shell), Revoke(shell) };

    private static Command CreateToken(Shell shell)
    {
        var url = CommonOptions.Url();
        var label = CommonOptions.Value("--label", "TEXT", "What it is for, to know it again.");
        label.Required = true;
        var scopes = CommonOptions.Value("--scope", "SCOPES", "What it may be used for, separated by blanks or commas; at most what you hold.");
        scopes.Required = true;
        var expires = CommonOptions.Value("--expires", "TIME", "How long it holds: 12h, 30d, 8w.", "30d");
        var command = new Command("create", "Make a token and print it, this once.") { url, label, scopes, expires };
        Interruption.SetAction(command, shell, async (arguments, cancellationToken) =>
        {
            var seconds = Lifetime.SecondsOf(arguments.GetValue(expires)!, "--expires");
            var asked = arguments.GetValue(scopes)!.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries);
            if (asked.Length == 0) throw CommandFailure.Usage("--scope needs at least one scope.");
            var body = JsonText.Line(json =>
            {
                json.WriteStartObject();
                json.WriteString("label", arguments.GetValue(label));
                json.Member("scopes", asked);
                json.WriteNumber("expires_in", seconds);
                json.WriteEndObject();
            });
            using var calls = new MeshCalls(shell, arguments.GetValue(url));
            var answer = await calls.AskAsync(HttpMethod.Post, Path, Encoding.UTF8.GetBytes(body), cancellationToken).ConfigureAwait(false);
            var token = answer.Text("token") ?? throw CommandFailure.Failed($"{calls.Target} answered without a token.");
            if (OutputForm.IsJson(arguments))
            {
                shell.Out.WriteLine(JsonText.Of(json => WriteRow(json, ApiTokenRow.Of(answer.Json), token)));
                return ExitCode.Ok;
            }

            // The token alone goes to stdout, so that a script can take it: TOKEN=$(./mesh token create ...).
            shell.Out.WriteLine(PlainText.Of(token));
            await shell.Error.WriteLineAsync($"API token {PlainText.Of(answer.Text("id"))}, holds for {arguments.GetValue(expires)}. It is shown this once; ./mesh token revoke {PlainText.Of(answer.Text("id"))} ends it.").ConfigureAwait(false);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command List(Shell shell)
    {
        var url = CommonOptions.Url();
        var command = new Command("list", "Show your tokens; not the tokens themselves, which nobody can read again.") { url };
        Interruption.SetAction(command, shell, async (arguments, cancellationToken) =>
        {
            using var calls = new MeshCalls(shell, arguments.GetValue(url));
            var answer = await calls.AskAsync(HttpMethod.Get, Path, json: null, cancellationToken).ConfigureAwait(false);
            var rows = ApiTokenRow.Many(answer.Json);
            shell.Write(
                arguments,
                json =>
                {
                    json.WriteStartArray();
                    foreach (var row in rows) WriteRow(json, row, token: null);
                    json.WriteEndArray();
                },
                text => TextTable.Write(
                    text, ["ID", "LABEL", "SCOPES", "EXPIRES", "LAST USED", "FROM"],
                    rows.Select(r => new[] { r.Id, r.Label, string.Join(' ', r.Scopes), Day(r.ExpiresAt), Day(r.LastUsedAt), r.LastUsedFrom })));
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command Revoke(Shell shell)
    {
        var url = CommonOptions.Url();
        var id = new Argument<string>("ID") { Description = "As ./mesh token list shows it." };
        var command = new Command("revoke", "End a token.") { id, url };
        Interruption.SetAction(command, shell, async (arguments, cancellationToken) =>
        {
            var name = arguments.GetValue(id)!;
            // The token itself where its id is meant would lie in logs of addresses.
            if (name.Length == 0 || name.StartsWith("smt_", StringComparison.Ordinal)) throw CommandFailure.Usage("ID is the id of a token as ./mesh token list shows it, not the token.");
            using var calls = new MeshCalls(shell, arguments.GetValue(url));
            await calls.AskAsync(HttpMethod.Delete, $"{Path}/{Uri.EscapeDataString(name)}", json: null, cancellationToken).ConfigureAwait(false);
            shell.Write(
                arguments,
                json =>
                {
                    json.WriteStartObject();
                    json.WriteString("id", name);
                    json.WriteBoolean("revoked", true);
                    json.WriteEndObject();
                },
                text => text.WriteLine($"Revoked {PlainText.Of(name)}."));
            return ExitCode.Ok;
        });
        return command;
    }

    private static void WriteRow(Utf8JsonWriter json, ApiTokenRow row, string? token)
    {
        json.WriteStartObject();
        json.Member("id", row.Id);
        if (token is not null) json.Member("token", token);
        json.Member("label", row.Label);
        json.Member("scopes", row.Scopes);
        json.Member("createdAt", row.CreatedAt);
        json.Member("expiresAt", row.ExpiresAt);
        json.Member("lastUsedAt", row.LastUsedAt);
        json.Member("lastUsedFrom", row.LastUsedFrom);
        json.WriteEndObject();
    }

    private static string? Day(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
}
