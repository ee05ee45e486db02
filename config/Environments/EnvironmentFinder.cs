using Microsoft.Extensions.Options;
using SecureMesh.Config.Documents;
using SecureMesh.Config.Sources;

namespace SecureMesh.Config.Environments;

/// <summary>Asks the sources in their order and puts the overrides first.</summary>
internal sealed class EnvironmentFinder(IEnumerable<IConfigSource> sources, IOptions<ConfigOptions> options)
{
    private readonly IConfigSource[] _sources = [.. sources];

    // In an override '\${' stands for '${', so that the client fills it in and not whoever set the override.
    private readonly PropertySource? _overrides = options.Value.Overrides.Count == 0 ? null : new PropertySource("overrides",
        [.. options.Value.Overrides.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => new Property(pair.Key, pair.Value.Replace("\\${", "${", StringComparison.Ordinal).Replace("\\{", "{", StringComparison.Ordinal), null))]);

    private readonly Lock _gate = new();
    private Task? _anyChange;

    /// <summary>
    /// Completes when some source may have changed since the property was read. Until then it is the same task for everybody:
    /// one for each reader would stay registered at the sources until they change, which may be never.
    /// </summary>
    public Task Changed
    {
        get
        {
            if (_sources.Length == 1) return _sources[0].Changed;
            lock (_gate)
            {
                if (_anyChange is null or { IsCompleted: true }) _anyChange = Task.WhenAny(_sources.Select(source => source.Changed));
                return _anyChange;
            }
        }
    }

    public async Task<Result<ConfigEnvironment>> FindAsync(EnvironmentRequest request, CancellationToken cancellationToken)
    {
        var found = new List<PropertySource>();
        string? version = null;
        DateTimeOffset? modified = null;
        foreach (var source in _sources)
        {
            var answer = await source.FindAsync(request, cancellationToken);
            if (!answer.IsSuccess) return answer.Error;
            found.AddRange(answer.Value.PropertySources);
            if (_sources.Length == 1) version = answer.Value.Version; // several sources have no common version
            if (modified is null || answer.Value.Modified > modified) modified = answer.Value.Modified;
        }
        if (found.Count == 0 && !options.Value.AcceptEmpty) return new ConfigError(404, "Application Not Found");
        if (_overrides is not null) found.Insert(0, _overrides);
        return new ConfigEnvironment(request, version, found, modified);
    }

    public async Task<Result<FoundFile>> FindFileAsync(EnvironmentRequest request, string path, CancellationToken cancellationToken)
    {
        Result<FoundFile> answer = ConfigError.NoSuchFile;
        foreach (var source in _sources)
        {
            answer = await source.FindFileAsync(request, path, cancellationToken);
            if (answer.IsSuccess || answer.Error != ConfigError.NoSuchFile) break;
        }
        return answer;
    }
}
