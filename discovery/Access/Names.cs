using System.Text.RegularExpressions;
using SecureMesh.Discovery.Registry;

namespace SecureMesh.Discovery.Access;

/// <summary>
/// The names by which clients find an instance: its application and each part of its VIP addresses. All are ASCII, so
/// that no two of them meet after folding.
/// </summary>
internal static partial class Names
{
    public static bool IsApp(string name) => AppPattern().IsMatch(name);

    public static bool IsVip(string name) => VipPattern().IsMatch(name);

    public static IEnumerable<string> Split(string? vip) =>
        vip?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>Every name under which the instance would be found.</summary>
    public static IEnumerable<string> Of(Instance instance) =>
        Split(instance.VipAddress).Concat(Split(instance.SecureVipAddress)).Prepend(instance.App).Distinct(StringComparer.OrdinalIgnoreCase);

    /// <summary>The form in which names are compared: what a client could take for the same name becomes the same.</summary>
    public static string Canonical(string name)
    {
        var port = name.IndexOf(':', StringComparison.Ordinal);
        return (port < 0 ? name : name[..port]).Trim().Trim('.').ToLowerInvariant();
    }

    [GeneratedRegex(@"\A(?!\.)[A-Za-z0-9._-]{1,128}(?<!\.)\z", RegexOptions.CultureInvariant)]
    private static partial Regex AppPattern();

    // Netflix's own form is "name:port".
    [GeneratedRegex(@"\A(?!\.)[A-Za-z0-9._-]{1,128}(?<!\.)(:[0-9]{1,5})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex VipPattern();
}
