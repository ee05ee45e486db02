namespace SecureMesh.Cli.Terminal;

/// <summary>A command cannot do what it was asked for; the message is one line for a person, without secrets.</summary>
internal sealed class CommandFailure(int exitCode, string message, Exception? innerException = null) : Exception(message, innerException)
{
    public int ExitCode { get; } = exitCode;

    /// <summary>Status of the answer that refused, when there was one.</summary>
    public int? Status { get; init; }

    /// <summary>The id by which an operator finds the request in the logs.</summary>
    public string? TraceId { get; init; }

    public static CommandFailure Usage(string message) => new(Terminal.ExitCode.Usage, message);

    public static CommandFailure Failed(string message) => new(Terminal.ExitCode.Failed, message);

    public static CommandFailure NotSignedIn(string message) => new(Terminal.ExitCode.NotSignedIn, message);

    public static CommandFailure Unreachable(string message, Exception? cause = null) => new(Terminal.ExitCode.Unreachable, message, cause);

    public static CommandFailure Configuration(string message, Exception? cause = null) => new(Terminal.ExitCode.Configuration, message, cause);
}
