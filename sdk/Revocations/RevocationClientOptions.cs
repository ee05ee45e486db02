using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>How a service uses the revocations of the token service; section <c>mesh:revocations</c>.</summary>
public sealed class RevocationClientOptions
{
    /// <summary>False: the service follows nothing, as one without <c>mesh:clientSecret</c> does.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>
    /// What the service does with good tokens while the feed is cut: <c>open</c> goes on until they expire, <c>critical</c> answers
    /// 503 with <c>Retry-After</c> once the silence is longer than <see cref="CriticalAfter"/>, and before the first complete replay.
    /// </summary>
    public string WhenCut { get; set; } = "open";

    /// <summary>With <c>critical</c>: the longest silence, 5 seconds to 10 minutes; a heartbeat comes every 3 seconds.</summary>
    public TimeSpan CriticalAfter { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Why a service with these settings follows nothing; null when it follows.</summary>
    internal static string? NotFollowing(MeshOptions mesh) =>
        !mesh.Revocations.Enabled ? "mesh:revocations:enabled is false"
        : string.IsNullOrEmpty(mesh.ClientSecret) ? "mesh:clientSecret (MESH__CLIENTSECRET) is not set"
        : null;
}

internal sealed class RevocationOptionsValidator : IValidateOptions<MeshOptions>
{
    public ValidateOptionsResult Validate(string? name, MeshOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.Revocations.WhenCut is not ("open" or "critical"))
            result.AddError($"mesh:revocations:whenCut must be open or critical, not '{options.Revocations.WhenCut}'.");
        if (options.Revocations.CriticalAfter < TimeSpan.FromSeconds(5) || options.Revocations.CriticalAfter > TimeSpan.FromMinutes(10))
            result.AddError($"mesh:revocations:criticalAfter must be 5 seconds to 10 minutes, not {options.Revocations.CriticalAfter}.");
        return result.Build();
    }
}
