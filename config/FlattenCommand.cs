using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using SecureMesh.Config.Documents;
using SecureMesh.Config.Environments;
using SecureMesh.Config.Sources;
using SecureMesh.Sdk;

namespace SecureMesh.Config;

/// <summary>
/// <c>--flatten PATH</c>: prints a file, or what a folder has for the gateway, as it would be served. The folder's files are read as
/// they lie there, also where they are not committed yet.
/// </summary>
internal static class FlattenCommand
{
    public const string Option = "--flatten";

    private static readonly EnvironmentRequest _gateway = new(["gateway"], ["default"], []);

    public static async Task<int> RunAsync(string path, TextWriter output, TextWriter errors)
    {
        try
        {
            var environment = Directory.Exists(path) ? await FolderAsync(path) : await FileAsync(path);
            if (!environment.IsSuccess)
            {
                await errors.WriteLineAsync(OneLine.Of(environment.Error.Message ?? "it cannot be read"));
                return MeshProgram.CannotStart;
            }
            await output.WriteLineAsync(Encoding.UTF8.GetString(environment.Value.ToJson(withOrigins: false)));
            return 0;
        }
        catch (Exception e) when (e is MeshStartException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            await errors.WriteLineAsync(OneLine.Of(e.Message));
            return MeshProgram.CannotStart;
        }
    }

    private static async Task<Result<ConfigEnvironment>> FolderAsync(string folder)
    {
        var options = Options.Create(new ConfigOptions { Repository = folder });
        if (new ConfigOptionsValidator().Validate(null, options.Value) is { Failed: true } invalid) throw new MeshStartException(invalid.FailureMessage);
        var trees = new FolderTrees(options, TimeProvider.System, NullLogger<FolderTrees>.Instance);
        await trees.LoadAsync(CancellationToken.None);
        return await new EnvironmentFinder([new FilesSource(trees, NullLogger<FilesSource>.Instance)], options).FindAsync(_gateway, CancellationToken.None);
    }

    private static async Task<Result<ConfigEnvironment>> FileAsync(string path)
    {
        var extension = Path.GetExtension(path);
        if (!ConfigFile.Extensions.Contains(extension)) return new ConfigError(400, $"{path}: a configuration file ends in {string.Join(", ", ConfigFile.Extensions)}");
        var file = ConfigFile.Read(extension, await File.ReadAllBytesAsync(path));
        if (file.Fault is not null) return new ConfigError(500, $"{path}: {file.Fault}");
        // Later documents of a file win, so they come first.
        var served = file.Documents.Reverse().Where(document => document.Condition is null || document.Condition.Matches(_gateway.Profiles.ToArray()));
        return new ConfigEnvironment(_gateway, null, [.. served.Select(document => new PropertySource($"{path} (document #{document.Index})", document.Properties))], null);
    }
}
