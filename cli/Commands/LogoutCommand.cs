using System.CommandLine;
using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Login;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh logout</c>: revokes the tokens and forgets them; forgets them also when the mesh is away, and says so.</summary>
internal static class LogoutCommand
{
    public static Command Create(Shell shell)
    {
        var url = CommonOptions.Url();
        var command = new Command("logout", "Sign out: revoke the tokens and forget them.") { url };
        Interruption.SetAction(command, shell, async (arguments, cancellationToken) =>
        {
            using var calls = new MeshCalls(shell, arguments.GetValue(url));
            var target = calls.Target;
            // Under the lock, so that nobody renews meanwhile; revoked before it is forgotten, so that an interrupted call can be made again.
            var (wasSignedIn, failure) = await calls.File.ChangeAsync<(bool, CommandFailure?)>(
                async targets =>
                {
                    if (!targets.TryGetValue(target.Name, out var signIn)) return ((false, null), false);
                    var refused = await Revocation.TryAsync(calls.Wire, signIn, cancellationToken).ConfigureAwait(false);
                    return ((true, refused), targets.Remove(target.Name));
                },
                cancellationToken).ConfigureAwait(false);

            shell.Write(
                arguments,
                json =>
                {
                    json.WriteStartObject();
                    json.Member("url", target.Name);
                    json.WriteBoolean("wasSignedIn", wasSignedIn);
                    json.WriteBoolean("revoked", wasSignedIn && failure is null);
                    json.WriteEndObject();
                },
                text => text.WriteLine(wasSignedIn ? $"Signed out of {target}." : $"Nobody was signed in at {target}."));
            return failure is null
                ? ExitCode.Ok
                : throw new CommandFailure(failure.ExitCode, $"the tokens are forgotten here but could not be revoked: {failure.Message}", failure) { Status = failure.Status, TraceId = failure.TraceId };
        });
        return command;
    }
}
