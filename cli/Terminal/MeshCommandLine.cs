using System.CommandLine;
using System.CommandLine.Help;
using SecureMesh.Cli.Commands;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Terminal;

/// <summary>The commands, and what a script learns of a failure: one line on stderr and an exit code, never a stack trace.</summary>
internal static class MeshCommandLine
{
    // `-d @FILE` is a body from a file, not a file of further arguments.
    private static readonly ParserConfiguration _parser = new() { ResponseFileTokenReplacer = null };

    // Not a RootCommand: that one has the name of the program file, and help would tell people to type it.
    public static Command Create(Shell shell) => new("mesh", "SecureMesh: access security for a mesh of services.")
    {
        new HelpOption(),
        new VersionOption(),
        OutputForm.Option,
        UpCommand.Create(shell),
        StatusCommand.Create(shell),
        LogsCommand.Create(shell),
        DownCommand.Create(shell),
        SecretsCommand.Create(shell),
        RemoveDemoCommand.Create(shell),
        LoginCommand.Create(shell),
        LogoutCommand.Create(shell),
        WhoamiCommand.Create(shell),
        TokenCommand.Create(shell),
        CurlCommand.Create(shell),
        WhyCommand.Create(shell),
        PolicyCommand.Create(shell),
        KeysCommand.Create(shell),
    };

    public static async Task<int> RunAsync(Shell shell, IReadOnlyList<string> args)
    {
        try
        {
            var arguments = Create(shell).Parse(args, _parser);
            if (arguments.Errors.Count > 0)
                throw CommandFailure.Usage($"{string.Join(" ", arguments.Errors.Select(e => e.Message.ReplaceLineEndings(" ")).Distinct())} See ./mesh --help.");
            // The commands end themselves on a signal: by default the library would leave two seconds for that and then just exit.
            var invocation = new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = shell.Out,
                Error = shell.Error,
            };
            return await arguments.InvokeAsync(invocation, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            var failure = Of(e);
            Tell(shell, OutputForm.IsJson(args), failure);
            return failure.ExitCode;
        }
    }

    private static CommandFailure Of(Exception exception) => exception switch
    {
        CommandFailure e => e,
        MeshStartException e => CommandFailure.Configuration(e.Message, e),
        OperationCanceledException e => new CommandFailure(ExitCode.Interrupted, "interrupted.", e),
        IOException or UnauthorizedAccessException => CommandFailure.Configuration(exception.Message, exception),
        _ => new CommandFailure(ExitCode.Unexpected, $"a fault of this program ({exception.GetType().Name}: {exception.Message}). Please report it.", exception),
    };

    private static void Tell(Shell shell, bool isJson, CommandFailure failure)
    {
        var message = failure.Message.ReplaceLineEndings(" ");
        if (isJson)
        {
            shell.Error.WriteLine(JsonText.Line(json =>
            {
                json.WriteStartObject();
                json.WriteString("error", ExitCode.Word(failure.ExitCode));
                json.WriteString("message", message);
                json.WriteNumber("exitCode", failure.ExitCode);
                if (failure.Status is { } status) json.WriteNumber("status", status);
                if (failure.TraceId is not null) json.WriteString("traceId", failure.TraceId);
                json.WriteEndObject();
            }));
        }
        else if (failure.ExitCode is not (ExitCode.Interrupted or ExitCode.Terminated))
        {
            // Who pressed Ctrl-C knows it.
            shell.Error.WriteLine("mesh: " + message);
        }
    }
}
