using System.CommandLine;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Commands;

/// <summary>Options that several commands have.</summary>
internal static class CommonOptions
{
    private const int MostRepetitions = 100;

    /// <summary>An option with one value; given several times, the last one counts, so that a script can add its own.</summary>
    public static Option<string?> Value(string name, string helpName, string description, string? standard = null, params string[] aliases)
    {
        var option = new Option<string?>(name, aliases)
        {
            Description = description,
            HelpName = helpName,
            Arity = new ArgumentArity(1, MostRepetitions),
            CustomParser = result => result.Tokens.Count > 0 ? result.Tokens[^1].Value : standard,
        };
        if (standard is not null) option.DefaultValueFactory = _ => standard;
        return option;
    }

    public static Option<string?> Data() => Value("--data", "DIR", "Folder for data, logs and state.", ".mesh");

    public static Option<string?> Url() => Value("--url", "URL", "Address of the gateway; else MESH_URL, else the mesh that runs here.");

    public static Option<string?> Database() => Value(
        "--database", "CONNECTION", "PostgreSQL in place of SQLite: connection of a user who may create roles and schemas (or MESH_DATABASE).");

    public static string FolderOf(ParseResult arguments, Option<string?> option)
    {
        var text = arguments.GetValue(option);
        if (string.IsNullOrWhiteSpace(text) || text.Contains('\0', StringComparison.Ordinal))
            throw CommandFailure.Usage($"{option.Name} needs a folder.");
        return Path.GetFullPath(text);
    }

    public static string? DatabaseOf(ParseResult arguments, Option<string?> option)
    {
        var text = arguments.GetValue(option);
        if (text is not null && string.IsNullOrWhiteSpace(text)) throw CommandFailure.Usage("--database needs a connection string.");
        text ??= Environment.GetEnvironmentVariable(Start.Detached.DatabaseVariable);
        return string.IsNullOrWhiteSpace(text) ? null : text;
    }
}
