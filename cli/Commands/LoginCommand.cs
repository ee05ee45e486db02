using System.CommandLine;
using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Credentials;
using SecureMesh.Cli.Login;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh login</c>: signs a person in, in the browser or on another device, and keeps the tokens.</summary>
internal static class LoginCommand
{
    public static Command Create(Shell shell)
    {
        var url = CommonOptions.Url();
        var device = new Option<bool>("--device") { Description = "Show a code to enter on any other device, as from a server without a browser." };
        var noBrowser = new Option<bool>("--no-browser") { Description = "Only print the address to open." };
        var client = CommonOptions.Value("--client", "ID", "The client to sign in with.", "mesh-cli");
        var scope = CommonOptions.Value("--scope", "SCOPES", "What the token may be used for, separated by blanks or commas.", "openid ui");
        var timeout = CommonOptions.Value("--timeout", "TIME", "How long to wait for the browser.", "5m");
        var command = new Command("login", "Sign in.") { url, device, noBrowser, client, scope, timeout };
        Interruption.SetAction(command, shell, async (arguments, cancellationToken) =>
        {
            var patience = TimeSpan.FromSeconds(Lifetime.SecondsOf(arguments.GetValue(timeout)!, "--timeout"));
            var scopes = string.Join(' ', arguments.GetValue(scope)!.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries));
            var request = new SignInRequest(arguments.GetValue(client)!, scopes, !arguments.GetValue(noBrowser), patience);
            if (request.ClientId.Length == 0) throw CommandFailure.Usage("--client needs the id of a client.");
            using var calls = new MeshCalls(shell, arguments.GetValue(url));
            var signIn = await new LoginRun(shell, calls.Wire, calls.File).RunAsync(request, arguments.GetValue(device), cancellationToken).ConfigureAwait(false);
            Show(shell, arguments, calls.Target, signIn);
            return ExitCode.Ok;
        });
        return command;
    }

    private static void Show(Shell shell, ParseResult arguments, Target target, SignIn signIn) => shell.Write(
        arguments,
        json =>
        {
            json.WriteStartObject();
            json.Member("url", target.Name);
            json.Member("userId", signIn.Subject);
            json.Member("userName", signIn.UserName);
            json.Member("clientId", signIn.ClientId);
            json.Member("scope", signIn.Scope);
            json.Member("expiresAt", signIn.ExpiresAt);
            json.WriteEndObject();
        },
        text => text.WriteLine($"Signed in at {target}{(signIn.UserName is { } name ? $" as {PlainText.Of(name)}" : "")}, scopes {PlainText.Of(signIn.Scope)}."));
}
