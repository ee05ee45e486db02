using Microsoft.AspNetCore.Http.Features;

namespace SecureMesh.Config.Environments;

/// <summary>Whose configuration is asked for; every name in it has been checked.</summary>
/// <param name="Applications">The last one wins.</param>
/// <param name="Profiles">The last one wins.</param>
/// <param name="Labels">Empty = the default label.</param>
internal sealed record EnvironmentRequest(IReadOnlyList<string> Applications, IReadOnlyList<string> Profiles, IReadOnlyList<string> Labels)
{
    public string Application => string.Join(',', Applications);
    public string Profile => string.Join(',', Profiles);
    public string? Label => Labels.Count == 0 ? null : string.Join(',', Labels);

    public static Result<EnvironmentRequest> Read(HttpContext http, string application, string profile, string? label)
    {
        if (Names.CheckTarget(http.Features.Get<IHttpRequestFeature>()?.RawTarget) is { } refused) return refused;
        var applications = Names.Applications(application);
        if (!applications.IsSuccess) return applications.Error;
        var profiles = Names.Profiles(profile);
        if (!profiles.IsSuccess) return profiles.Error;
        Result<IReadOnlyList<string>> labels = label is null ? Array.Empty<string>() : Names.Labels(label);
        if (!labels.IsSuccess) return labels.Error;
        return new EnvironmentRequest(applications.Value, profiles.Value, labels.Value);
    }
}
