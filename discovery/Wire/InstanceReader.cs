using System.Diagnostics.CodeAnalysis;
using SecureMesh.Discovery.Registry;

namespace SecureMesh.Discovery.Wire;

/// <summary>Reads a registration body, as all the known clients write it, in the order in which Netflix's server checks it.</summary>
internal static class InstanceReader
{
    /// <summary>The answer to a body that is not understood; JSON and XML each wrap it in their way.</summary>
    public const string CannotParse = "cannot parse request body";

    /// <summary>Reads an instance that was sent to <c>apps/{pathApp}</c>.</summary>
    /// <param name="body">The parsed body; null when it could not be parsed.</param>
    /// <param name="pathApp">Application name of the path.</param>
    /// <param name="now">Epoch milliseconds.</param>
    /// <param name="instance">The instance.</param>
    /// <param name="fault">The text of the 400.</param>
    public static bool TryRead(WireValue? body, string pathApp, long now, [NotNullWhen(true)] out Instance? instance, [NotNullWhen(false)] out string? fault)
    {
        instance = null;
        if (body?["instance"] is not { Members: not null } root)
        {
            fault = CannotParse;
            return false;
        }
        var fields = new Fields(root);
        var read = Read(root, fields, pathApp, now, out fault);
        if (fields.Malformed) fault = CannotParse;
        if (fault is not null) return false;
        instance = read!;
        return true;
    }

    private static Instance? Read(WireValue root, Fields fields, string pathApp, long now, out string? fault)
    {
        var metadata = fields.Map(root["metadata"]);
        var (host, ip, app) = (fields.Text("hostName"), fields.Text("ipAddr"), fields.Text("app"));
        var center = root["dataCenterInfo"];
        var centerData = fields.Map(center?["metadata"]);
        var id = Id(fields, host, metadata, centerData);
        fault = id is null ? "Missing instanceId"
            : host is null ? "Missing hostname"
            : ip is null ? "Missing ip address"
            : app is null ? "Missing appName"
            : !string.Equals(app.ToUpperInvariant(), pathApp.ToUpperInvariant(), StringComparison.Ordinal)
                ? Mismatch(app, pathApp)
            : center?.Members is null ? "Missing dataCenterInfo"
            : center["name"]?.Text is null or "" ? "Missing dataCenterInfo Name"
            : CenterName(center) is null ? "Invalid dataCenterInfo"
            : null;
        if (fault is not null) return null;

        var lease = root["leaseInfo"];
        return new Instance
        {
            Id = id!,
            App = app!.ToUpperInvariant(),
            AppGroupName = fields.Text("appGroupName")?.ToUpperInvariant(),
            HostName = host!,
            IpAddr = ip!,
            Sid = fields.Text("sid") is { } sid and not ("na" or "unknown") ? sid : null,
            Status = fields.Text("status") is { } status ? InstanceStatus.Find(status) ?? InstanceStatus.Unknown : InstanceStatus.Up,
            OverriddenStatus = InstanceStatus.Find(fields.Text("overriddenStatus", "overriddenstatus")) ?? InstanceStatus.Unknown,
            Port = Port(fields, root["port"], new InstancePort(7001, true), enabled: true),
            SecurePort = Port(fields, root["securePort"], new InstancePort(7002, false), enabled: false),
            CountryId = fields.Int("countryId") ?? 1,
            DataCenter = new DataCenter(CenterName(center!)!, centerData),
            Lease = new LeaseInfo
            {
                RenewalIntervalSeconds = fields.Int(lease?["renewalIntervalInSecs"]) is > 0 and var interval ? interval : 30,
                DurationSeconds = fields.Int(lease?["durationInSecs"]) is > 0 and var duration ? duration : 90,
            },
            Metadata = metadata,
            HomePageUrl = fields.Text("homePageUrl"),
            StatusPageUrl = fields.Text("statusPageUrl"),
            HealthCheckUrl = fields.Text("healthCheckUrl"),
            SecureHealthCheckUrl = fields.Text("secureHealthCheckUrl"),
            VipAddress = fields.Text("vipAddress"),
            SecureVipAddress = fields.Text("secureVipAddress"),
            AsgName = fields.Text("asgName"),
            LastDirtyTimestamp = fields.Number("lastDirtyTimestamp") is > 0 and var dirty ? dirty : now,
        };
    }

    /// <summary><c>instanceId</c>; else Spring's rule for <c>metadata.instanceId</c>; else Amazon's id; else the host name, which the JS client then uses.</summary>
    private static string? Id(Fields fields, string? host, Dictionary<string, string> metadata, Dictionary<string, string> center)
    {
        if (fields.Text("instanceId") is { } id) return id;
        if (host is not null && metadata.GetValueOrDefault("instanceId") is { Length: > 0 } own)
            return own.StartsWith(host, StringComparison.Ordinal) ? own : $"{host}:{own}";
        return center.GetValueOrDefault("instance-id") is { Length: > 0 } amazon ? amazon : host;
    }

    // What is echoed is bounded and printable; the rest of the sentence is Netflix's.
    private static string Mismatch(string app, string pathApp) =>
        $"Mismatched appName, expecting {Shown(pathApp.ToUpperInvariant())} but was {Shown(app.ToUpperInvariant())}";

    private static string Shown(string name) => Limits.Printable(name) && name.Length <= 128 ? name : "(not a name)";

    /// <summary>The class is compared with the three known names and never instantiated; without it the name decides.</summary>
    private static string? CenterName(WireValue center)
    {
        var known = center["@class"]?.Text is null
            or "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo"
            or "com.netflix.appinfo.MyDataCenterInfo"
            or "com.netflix.appinfo.AmazonInfo";
        return known && center["name"]?.Text is "MyOwn" or "Amazon" or "Netflix" ? center["name"]!.Text : null;
    }

    private static InstancePort Port(Fields fields, WireValue? value, InstancePort absent, bool enabled)
    {
        if (value is null) return absent;
        return new InstancePort(fields.Int(value) ?? absent.Number, fields.Bool(value["@enabled"]) ?? enabled);
    }
}
