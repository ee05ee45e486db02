using System.CommandLine;
using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh whoami</c>: who the token belongs to, asked at the token service just now.</summary>
internal static class WhoamiCommand
{
    public static Command Create(Shell shell)
    {
        var url = CommonOptions.Url();
        var command = new Command("whoami", "Show who is signed in.") { url };
        Interruption.SetAction(command, shell, async (arguments, cancellationToken) =>
        {
            using var calls = new MeshCalls(shell, arguments.GetValue(url));
            var answer = await calls.AskAsync(HttpMethod.Get, "/uaa/userinfo", json: null, cancellationToken).ConfigureAwait(false);
            // MESH_TOKEN may belong to somebody else than the sign-in.
            var signIn = shell.Variable("MESH_TOKEN") is null && shell.Variable("MESH_CLIENT_SECRET") is null ? calls.File.Read().GetValueOrDefault(calls.Target.Name) : null;
            // OpenID Connect Core §5.3.2: an answer about somebody else must not be used.
            if (signIn?.Subject is { } subject && answer.Text("sub") != subject) throw CommandFailure.Failed($"{calls.Target} told of another user than the one who signed in.");
            shell.Write(
                arguments,
                json =>
                {
                    json.WriteStartObject();
                    json.Member("url", calls.Target.Name);
                    json.Member("userId", answer.Text("sub"));
                    json.Member("userName", answer.Text("user_name"));
                    json.Member("email", answer.Text("email"));
                    json.Member("name", answer.Text("name"));
                    json.Member("clientId", signIn?.ClientId);
                    json.Member("scope", signIn?.Scope);
                    json.Member("expiresAt", signIn?.ExpiresAt);
                    json.WriteEndObject();
                },
                text =>
                {
                    text.WriteLine($"{PlainText.Of(answer.Text("user_name") ?? answer.Text("sub"))}{(answer.Text("email") is { } email ? $" <{PlainText.Of(email)}>" : "")} at {calls.Target}");
                    if (signIn is not null) text.WriteLine($"scopes {PlainText.Of(signIn.Scope)}, client {PlainText.Of(signIn.ClientId)}");
                });
            return ExitCode.Ok;
        });
        return command;
    }
}
