using Microsoft.Extensions.Options;
using SecureMesh.Discovery.Registry;
using SecureMesh.Sdk;

namespace SecureMesh.Discovery.Access;

/// <summary>
/// Who may stand under which name. Clients look up by VIP as well as by application, so every name an instance claims is
/// judged alike: a reserved one needs the principal of exactly that name, in the demo too.
/// </summary>
internal sealed class NamePolicy(RegistrySettings settings, IOptions<MeshOptions> mesh)
{
    /// <summary>True when the caller may register an instance under all of its names.</summary>
    public bool MayRegister(Caller caller, Instance instance) => Names.Of(instance).All(name => MayUse(caller, name));

    /// <summary>True when the caller may change anything that stands under the name; whose the instance is comes on top.</summary>
    public bool MayTouch(Caller caller, string app) =>
        ReservedAs(Names.Canonical(app)) is not { } reserved || string.Equals(caller.Name, reserved, StringComparison.Ordinal);

    private bool MayUse(Caller caller, string name)
    {
        var canonical = Names.Canonical(name);
        // An allow-list never opens a reserved name, whatever its prefixes cover.
        if (ReservedAs(canonical) is { } reserved) return string.Equals(caller.Name, reserved, StringComparison.Ordinal);
        if (caller.Anonymous) return mesh.Value.Demo;
        if (canonical.Equals(caller.Name, StringComparison.OrdinalIgnoreCase)) return true;
        return settings.Current.Allow.TryGetValue(caller.Name, out var allowed) && allowed.Any(pattern => Matches(pattern, canonical));
    }

    private string? ReservedAs(string canonical) =>
        settings.Current.ReservedNames.FirstOrDefault(name => Names.Canonical(name) == canonical);

    private static bool Matches(string pattern, string canonical) => pattern.EndsWith('*')
        ? canonical.StartsWith(pattern[..^1], StringComparison.OrdinalIgnoreCase)
        : canonical.Equals(pattern, StringComparison.OrdinalIgnoreCase);
}
