using SecureMesh.Discovery.Access;
using SecureMesh.Discovery.Registry;
using SecureMesh.Discovery.Wire;

namespace SecureMesh.Discovery.Apps;

/// <summary>What a well-formed instance must keep to before it is given to every client.</summary>
internal static class RegistrationRules
{
    /// <summary>The text of the 400, or null.</summary>
    public static string? Fault(Instance instance)
    {
        if (instance.Id.Length > Limits.Id || !Limits.Printable(instance.Id)) return "Invalid instanceId";
        if (!Names.IsApp(instance.App)) return "Invalid appName";
        if (!Addresses.Allowed(instance.HostName)) return "Invalid hostname";
        if (!Addresses.Allowed(instance.IpAddr)) return "Invalid ip address";
        if (!IsPort(instance.Port) || !IsPort(instance.SecurePort)) return "Invalid port";
        if (!AreVips(instance.VipAddress) || !AreVips(instance.SecureVipAddress)) return "Invalid vipAddress";
        if (!IsText(instance.AppGroupName) || !IsText(instance.AsgName) || !IsText(instance.Sid)) return "Invalid text";
        foreach (var url in new[] { instance.HomePageUrl, instance.StatusPageUrl, instance.HealthCheckUrl, instance.SecureHealthCheckUrl })
        {
            if (url is null) continue;
            if (!IsText(url) || !Addresses.IsOwnUrl(url, instance.HostName, instance.IpAddr)) return "Invalid url: http or https on the instance's own host";
        }
        return Limits.Fault(instance.Metadata) ?? Limits.Fault(instance.DataCenter.Metadata);
    }

    private static bool IsPort(InstancePort port) => port.Number is >= 0 and <= 65535;

    private static bool IsText(string? text) => text is null || (text.Length <= Limits.Text && Limits.Printable(text));

    private static bool AreVips(string? vips) => IsText(vips) && Names.Split(vips).All(Names.IsVip);
}
