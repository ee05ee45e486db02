using System.CommandLine;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Commands;

/// <summary>Options that several commands have.</summary>
internal static class CommonOptions
{
    public static Option<string> Data() => new("--data")
    {
        Description = "Folder for data, logs and state.",
        HelpName = "DIR",
        DefaultValueFactory = _ => ".mesh",
    };

    public static Option<string?> Database() => new("--database")
    {
        Description = "PostgreSQL in place of SQLite: connection of a user who may create roles and schemas (or MESH_DATABASE).",
        HelpName = "CONNECTION",
    };

    public static string FolderOf(ParseResult arguments, Option<string> option)
    {
        var text = arguments.GetValue(option);
        if (string.IsNullOrWhiteSpace(text) || text.Contains('\0', StringComparison.Ordinal))
            throw new MeshStartException($"{option.Name} needs a folder.");
        return Path.GetFullPath(text);
    }

    public static string? DatabaseOf(ParseResult arguments, Option<string?> option)
    {
        var text = arguments.GetValue(option);
        if (text is not null && string.IsNullOrWhiteSpace(text)) throw new MeshStartException("--database needs a connection string.");
        text ??= Environment.GetEnvironmentVariable(Start.Detached.DatabaseVariable);
        return string.IsNullOrWhiteSpace(text) ? null : text;
    }
}
