using System.CommandLine;

namespace SecureMesh.Cli.Terminal;

/// <summary><c>--output text|json</c>, known to every command.</summary>
internal static class OutputForm
{
    public static Option<string?> Option { get; } = new("--output")
    {
        Description = "text, or json: stable names for scripts.",
        HelpName = "FORM",
        Recursive = true,
        Arity = new ArgumentArity(1, 100),
        CustomParser = result =>
        {
            var form = result.Tokens[^1].Value;
            // The table of `status` had this name before the others had a choice.
            if (form is not ("text" or "json" or "table")) result.AddError($"--output is text or json, not '{PlainText.Of(form)}'.");
            return form;
        },
    };

    public static bool IsJson(ParseResult arguments) => arguments.GetValue(Option) == "json";

    /// <summary>For failures of the command line itself, which has no values then.</summary>
    public static bool IsJson(IReadOnlyList<string> arguments)
    {
        for (var i = arguments.Count - 1; i >= 0; i--)
        {
            if (arguments[i].StartsWith("--output=", StringComparison.Ordinal)) return arguments[i]["--output=".Length..] == "json";
            if (arguments[i] == "--output") return i + 1 < arguments.Count && arguments[i + 1] == "json";
        }

        return false;
    }
}
