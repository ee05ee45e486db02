using SecureMesh.Config.Documents;
using SecureMesh.Config.Environments;

namespace SecureMesh.Config.Sources;

/// <summary>Which files answer a request, and in which order; the same for folders and git.</summary>
internal sealed partial class FilesSource(IFileTrees trees, ILogger<FilesSource> logger) : IConfigSource
{
    private const string Shared = "application";

    public Task Changed => trees.Changed;

    public async Task<Result<SourceAnswer>> FindAsync(EnvironmentRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await SearchAsync(request, cancellationToken);
        }
        catch (IOException e) // git died under way
        {
            Log.Unreadable(logger, e);
            return new ConfigError(500, "the repository cannot be read");
        }
    }

    private async Task<Result<SourceAnswer>> SearchAsync(EnvironmentRequest request, CancellationToken cancellationToken)
    {
        var views = await trees.OpenAsync(request, cancellationToken);
        if (!views.IsSuccess) return views.Error;
        var sources = new List<PropertySource>();
        DateTimeOffset? modified = null;
        foreach (var view in views.Value.HighestFirst)
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (var (path, profile) in Candidates(request, view.Locations))
            {
                if (!view.Tree.Files.TryGetValue(path, out var file) || !seen.Add(path)) continue;
                var content = await file.ParseAsync(cancellationToken);
                if (profile is not null) content = WithoutSwitches(content);
                // Broken content is an error and not an older state: who asks must learn that the file needs mending.
                if (content.Fault is not null) return new ConfigError(500, $"{path}: {content.Fault}");
                Add(sources, path, content, request);
                if (modified is null || file.Modified > modified) modified = file.Modified;
            }
        }
        return new SourceAnswer(sources, views.Value.Version, modified);
    }

    public async Task<Result<FoundFile>> FindFileAsync(EnvironmentRequest request, string path, CancellationToken cancellationToken)
    {
        try
        {
            return await SearchFileAsync(request, path, cancellationToken);
        }
        catch (IOException e)
        {
            Log.Unreadable(logger, e);
            return new ConfigError(500, "the repository cannot be read");
        }
    }

    private async Task<Result<FoundFile>> SearchFileAsync(EnvironmentRequest request, string path, CancellationToken cancellationToken)
    {
        var views = await trees.OpenAsync(request, cancellationToken);
        if (!views.IsSuccess) return views.Error;
        foreach (var view in views.Value.HighestFirst)
        {
            foreach (var location in view.FileLocations)
            {
                foreach (var name in ProfileNames(path, request.Profiles))
                {
                    if (!view.Tree.Files.TryGetValue(location + name, out var file)) continue;
                    if (file.Fault is not null) return ConfigError.NoSuchFile;
                    return new FoundFile(file.Path, await file.ReadAsync(cancellationToken), file.Modified);
                }
            }
        }
        return ConfigError.NoSuchFile;
    }

    // Highest priority first: profile before location before name before extension; the last profile, location and name win.
    private static IEnumerable<(string Path, string? Profile)> Candidates(EnvironmentRequest request, IReadOnlyList<string> locations)
    {
        string[] names = [Shared, .. request.Applications.Where(name => name != Shared)];
        string?[] profiles = [null, .. request.Profiles];
        foreach (var profile in profiles.Reverse())
        {
            foreach (var location in locations.Reverse())
            {
                foreach (var name in names.Reverse())
                {
                    foreach (var extension in ConfigFile.Extensions)
                        yield return (location + name + (profile is null ? "" : "-" + profile) + extension, profile);
                }
            }
        }
    }

    // The name must show the profile and nothing else that looks like one: Spring's client ranks sources by it.
    private static void Add(List<PropertySource> sources, string path, ConfigFile file, EnvironmentRequest request)
    {
        var several = file.Documents.Count > 1;
        foreach (var document in file.Documents.Reverse())
        {
            if (document.Condition is { } condition && !condition.Matches(request.Profiles.ToArray())) continue;
            var name = several ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{path} (document #{document.Index})") : path;
            sources.Add(new PropertySource(name, document.Properties));
        }
    }

    private static ConfigFile WithoutSwitches(ConfigFile file)
    {
        try
        {
            foreach (var document in file.Documents) document.RefuseProfileSwitches();
            return file;
        }
        catch (DocumentException e)
        {
            return ConfigFile.Broken(e);
        }
    }

    // nginx.conf for dev is nginx-dev.conf; the profile 'default' adds nothing.
    private static IEnumerable<string> ProfileNames(string path, IReadOnlyList<string> profiles)
    {
        var extension = path.LastIndexOf('.') is var dot && dot > path.LastIndexOf('/') + 1 ? path[dot..] : "";
        var stem = path[..(path.Length - extension.Length)];
        return profiles.Select(profile => profile == "default" ? path : $"{stem}-{profile}{extension}").Append(path).Distinct(StringComparer.Ordinal);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.FilesUnreadable, LogLevel.Error, "The repository could not be read for a request")]
        public static partial void Unreadable(ILogger logger, Exception exception);
    }
}
