using System.CommandLine;
using SecureMesh.Cli.Login;

namespace SecureMesh.Cli.Terminal;

/// <summary>What a command has around it: the terminal, the environment, the clock. Tests give it others.</summary>
internal sealed class Shell
{
    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    /// <summary>The same as <see cref="Out"/>, for bytes that go out as they came.</summary>
    public required Stream RawOut { get; init; }

    public required Stream In { get; init; }

    public required TimeProvider Clock { get; init; }

    /// <summary>Reads an environment variable; an empty one counts as left out.</summary>
    public required Func<string, string?> Variable { get; init; }

    /// <summary>Shows an address in the person's browser; false when there is none.</summary>
    public required Func<Uri, bool> Browse { get; init; }

    public string Folder { get; init; } = Environment.CurrentDirectory;

    /// <summary>Ends the command as Ctrl-C does.</summary>
    public CancellationToken Stop { get; init; }

    public static Shell OfThisProcess()
    {
        static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
        return new Shell
        {
            Out = Console.Out,
            Error = Console.Error,
            RawOut = Console.OpenStandardOutput(),
            In = Console.OpenStandardInput(),
            Clock = TimeProvider.System,
            Variable = Variable,
            Browse = url => Browser.TryOpen(url, Variable),
        };
    }

    /// <summary>Writes the result in the form that was asked for.</summary>
    public void Write(ParseResult arguments, Action<System.Text.Json.Utf8JsonWriter> json, Action<TextWriter> text)
    {
        if (OutputForm.IsJson(arguments)) Out.WriteLine(JsonText.Of(json));
        else text(Out);
    }
}
