using SecureMesh.Config.Environments;

namespace SecureMesh.Config.Sources;

/// <summary>A repository of files: a folder whose labels are subfolders, or git, whose labels are commits.</summary>
internal interface IFileTrees
{
    /// <summary>Completes when the content may have changed since the property was read; then it is a new task.</summary>
    Task Changed { get; }

    /// <summary>The state of the repository for the health check and the log.</summary>
    RepositoryState State { get; }

    /// <summary>What is searched for the request; a 404 when a label does not exist.</summary>
    Task<Result<FileViews>> OpenAsync(EnvironmentRequest request, CancellationToken cancellationToken);

    /// <summary>The tree that a request without a label sees.</summary>
    Task<Result<FileTree>> OpenDefaultAsync(CancellationToken cancellationToken);

    /// <summary>Reads the repository for the first time.</summary>
    /// <exception cref="SecureMesh.Sdk.MeshStartException">It cannot be read at all.</exception>
    Task LoadAsync(CancellationToken cancellationToken);

    /// <summary>Follows changes until cancelled.</summary>
    Task FollowAsync(CancellationToken cancellationToken);
}

/// <param name="HighestFirst">What to search, highest priority first.</param>
/// <param name="Version">Commit ids in the order of the labels, or null.</param>
internal sealed record FileViews(IReadOnlyList<FileView> HighestFirst, string? Version);

/// <summary>Places in one tree.</summary>
/// <param name="Tree">The files.</param>
/// <param name="Locations">Prefixes of paths for configuration files, the last wins.</param>
/// <param name="FileLocations">Prefixes of paths for files served as they are, the first wins.</param>
internal sealed record FileView(FileTree Tree, IReadOnlyList<string> Locations, IReadOnlyList<string> FileLocations);

/// <param name="Kind"><c>folder</c> or <c>git</c>.</param>
/// <param name="CheckedAt">When the content was last seen to be current.</param>
/// <param name="Fault">Why it cannot be read now; null when all is well.</param>
/// <param name="Version">Commit id of the default label; null for a folder.</param>
internal sealed record RepositoryState(string Kind, DateTimeOffset CheckedAt, string? Fault, string? Version);
