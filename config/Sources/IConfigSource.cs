using SecureMesh.Config.Documents;
using SecureMesh.Config.Environments;

namespace SecureMesh.Config.Sources;

/// <summary>Where configuration comes from: a folder, a git repository, later a vault. Several are asked in the order of registration.</summary>
internal interface IConfigSource
{
    /// <summary>Completes when the content may have changed since the property was read; then it is a new task.</summary>
    Task Changed { get; }

    /// <summary>The property sources for the request, highest priority first; a 404 means that the label does not exist.</summary>
    Task<Result<SourceAnswer>> FindAsync(EnvironmentRequest request, CancellationToken cancellationToken);

    /// <summary>One file as it is; <see cref="ConfigError.NoSuchFile"/> when there is none.</summary>
    Task<Result<FoundFile>> FindFileAsync(EnvironmentRequest request, string path, CancellationToken cancellationToken);
}

/// <summary>What one source says.</summary>
/// <param name="PropertySources">Highest priority first.</param>
/// <param name="Version">Names the content exactly (git: commit id); null when there is no such name.</param>
/// <param name="Modified">The newest change of what was read; null when not known.</param>
internal sealed record SourceAnswer(IReadOnlyList<PropertySource> PropertySources, string? Version, DateTimeOffset? Modified);

/// <summary>One document's keys under the name that clients show for them.</summary>
internal sealed record PropertySource(string Name, IReadOnlyList<Property> Properties);

/// <summary>A file to be served as it is.</summary>
internal sealed record FoundFile(string Path, byte[] Content, DateTimeOffset Modified);
