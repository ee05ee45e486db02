using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using SecureMesh.Config.Documents;
using SecureMesh.Config.Sources;
using SecureMesh.Sdk;

namespace SecureMesh.Config;

/// <summary><c>--check FOLDER</c>: reads a repository without serving it and names every file that is broken, one a line.</summary>
internal static class CheckCommand
{
    public const string Option = "--check";

    public static async Task<int> RunAsync(string repository, TextWriter output)
    {
        try
        {
            var options = Options.Create(new ConfigOptions { Repository = repository });
            if (new ConfigOptionsValidator().Validate(null, options.Value) is { Failed: true } invalid) throw new MeshStartException(invalid.FailureMessage);
            IFileTrees trees = GitTrees.Folder(Path.GetFullPath(repository)) is null
                ? new FolderTrees(options, TimeProvider.System, NullLogger<FolderTrees>.Instance)
                : new GitTrees(options, TimeProvider.System, NullLogger<GitTrees>.Instance);
            await trees.LoadAsync(CancellationToken.None);
            var tree = await trees.OpenDefaultAsync(CancellationToken.None);
            var broken = tree.IsSuccess ? await BrokenFile.FindAsync(tree.Value, CancellationToken.None) : [];
            foreach (var file in broken) await output.WriteLineAsync(OneLine.Of($"{file.Path}: {file.Fault}"));
            return broken.Count == 0 ? 0 : MeshProgram.CannotStart;
        }
        catch (MeshStartException e)
        {
            await output.WriteLineAsync(e.Message);
            return MeshProgram.CannotStart;
        }
        // Who reads this wants a line, not a stack; a file that cannot be parsed never comes here.
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            await output.WriteLineAsync(OneLine.Of($"{repository} could not be checked: {e.GetType().Name}: {e.Message}"));
            return MeshProgram.CannotStart;
        }
    }
}
