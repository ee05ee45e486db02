using System.Globalization;
using System.Text.Json;
using SecureMesh.Discovery.Registry;

namespace SecureMesh.Discovery.Wire;

/// <summary>
/// Writes JSON: exactly the members Netflix's server writes, lists always as arrays, never a null. Spring's client loses a
/// whole fetch over one member it does not know.
/// </summary>
internal static class JsonAnswer
{
    public static void Applications(Utf8JsonWriter json, string version, string hash, IEnumerable<KeyValuePair<string, IEnumerable<Instance>>> apps)
    {
        json.WriteStartObject();
        json.WriteStartObject("applications");
        json.WriteString("versions__delta", version);
        json.WriteString("apps__hashcode", hash);
        json.WriteStartArray("application");
        foreach (var (name, instances) in apps) Application(json, name, instances);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    public static void OneApplication(Utf8JsonWriter json, string name, IEnumerable<Instance> instances)
    {
        json.WriteStartObject();
        json.WritePropertyName("application");
        Application(json, name, instances);
        json.WriteEndObject();
    }

    public static void OneInstance(Utf8JsonWriter json, Instance instance)
    {
        json.WriteStartObject();
        json.WritePropertyName("instance");
        Write(json, instance);
        json.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter json, Instance instance)
    {
        json.WriteStartObject();
        json.WriteString("instanceId", instance.Id);
        json.WriteString("hostName", instance.HostName);
        json.WriteString("app", instance.App);
        Optional(json, "appGroupName", instance.AppGroupName);
        json.WriteString("ipAddr", instance.IpAddr);
        Optional(json, "sid", instance.Sid);
        json.WriteString("status", instance.Status);
        json.WriteString("overriddenStatus", instance.OverriddenStatus);
        Port(json, "port", instance.Port);
        Port(json, "securePort", instance.SecurePort);
        json.WriteNumber("countryId", instance.CountryId);
        Center(json, instance.DataCenter);
        Lease(json, instance.Lease);
        Metadata(json, instance.Metadata);
        Optional(json, "homePageUrl", instance.HomePageUrl);
        Optional(json, "statusPageUrl", instance.StatusPageUrl);
        Optional(json, "healthCheckUrl", instance.HealthCheckUrl);
        Optional(json, "secureHealthCheckUrl", instance.SecureHealthCheckUrl);
        Optional(json, "vipAddress", instance.VipAddress);
        Optional(json, "secureVipAddress", instance.SecureVipAddress);
        json.WriteString("isCoordinatingDiscoveryServer", instance.IsCoordinating ? "true" : "false");
        json.WriteString("lastUpdatedTimestamp", instance.LastUpdatedTimestamp.ToString(CultureInfo.InvariantCulture));
        json.WriteString("lastDirtyTimestamp", instance.LastDirtyTimestamp.ToString(CultureInfo.InvariantCulture));
        json.WriteString("actionType", instance.ActionType);
        Optional(json, "asgName", instance.AsgName);
        json.WriteEndObject();
    }

    private static void Application(Utf8JsonWriter json, string name, IEnumerable<Instance> instances)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteStartArray("instance");
        foreach (var instance in instances) Write(json, instance);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Port(Utf8JsonWriter json, string name, InstancePort port)
    {
        json.WriteStartObject(name);
        json.WriteNumber("$", port.Number);
        json.WriteString("@enabled", port.Enabled ? "true" : "false");
        json.WriteEndObject();
    }

    private static void Center(Utf8JsonWriter json, DataCenter center)
    {
        json.WriteStartObject("dataCenterInfo");
        json.WriteString("@class", DataCenterClass.Of(center.Name));
        json.WriteString("name", center.Name);
        if (center.Name == "Amazon") Metadata(json, center.Metadata);
        json.WriteEndObject();
    }

    private static void Lease(Utf8JsonWriter json, LeaseInfo lease)
    {
        json.WriteStartObject("leaseInfo");
        json.WriteNumber("renewalIntervalInSecs", lease.RenewalIntervalSeconds);
        json.WriteNumber("durationInSecs", lease.DurationSeconds);
        json.WriteNumber("registrationTimestamp", lease.Registration);
        json.WriteNumber("lastRenewalTimestamp", lease.LastRenewal);
        json.WriteNumber("evictionTimestamp", lease.Eviction);
        json.WriteNumber("serviceUpTimestamp", lease.ServiceUp);
        json.WriteEndObject();
    }

    private static void Metadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        json.WriteStartObject("metadata");
        if (metadata.Count == 0) json.WriteString("@class", "java.util.Collections$EmptyMap");
        foreach (var (key, value) in metadata) json.WriteString(key, value);
        json.WriteEndObject();
    }

    private static void Optional(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null) json.WriteString(name, value);
    }
}
