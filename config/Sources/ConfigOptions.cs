using Microsoft.Extensions.Options;

namespace SecureMesh.Config.Sources;

/// <summary>Settings of the server itself; section <c>config</c>.</summary>
internal sealed class ConfigOptions
{
    /// <summary>A folder, or a git repository: a folder with <c>.git</c>, or a bare one.</summary>
    public string Repository { get; set; } = "";

    /// <summary>The label of a request without one. Null: git takes main, master or HEAD; a folder takes its subfolder master.</summary>
    public string? DefaultLabel { get; set; }

    /// <summary>
    /// Folders below the repository that are searched after its root; may hold {application}, {profile}, {label} and *.
    /// Later ones win.
    /// </summary>
    public List<string> SearchPaths { get; } = [];

    /// <summary>Keys that come first in every answer and that no file can change.</summary>
    public Dictionary<string, string> Overrides { get; } = new(StringComparer.Ordinal);

    /// <summary>False: an application of which nothing is known is answered with 404.</summary>
    public bool AcceptEmpty { get; set; } = true;

    /// <summary>Requests that may wait for a change at the same time; one more is answered at once.</summary>
    public int MaxWaiting { get; set; } = 1_000;
}

internal sealed class ConfigOptionsValidator : IValidateOptions<ConfigOptions>
{
    public ValidateOptionsResult Validate(string? name, ConfigOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (string.IsNullOrWhiteSpace(options.Repository))
            result.AddError("config:repository (CONFIG__REPOSITORY) must name a folder or a git repository.");
        else if (options.Repository.Contains("://", StringComparison.Ordinal))
            result.AddError("config:repository (CONFIG__REPOSITORY) must be a local folder or git repository: clone the remote one and name the clone.");
        foreach (var path in options.SearchPaths.Where(path => path.Contains("..", StringComparison.Ordinal) || path.Contains('\\', StringComparison.Ordinal)))
            result.AddError($"config:searchPaths must stay below the repository, not '{path}'.");
        if (options.MaxWaiting < 0) result.AddError($"config:maxWaiting must not be negative, not {options.MaxWaiting}.");
        return result.Build();
    }
}
