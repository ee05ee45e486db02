using System.Globalization;
using System.Xml;
using SecureMesh.Discovery.Registry;

namespace SecureMesh.Discovery.Wire;

/// <summary>Writes XML: lists are repeated elements without a wrapper, and <c>overriddenstatus</c> is lower case here.</summary>
internal static class XmlAnswer
{
    public static void Applications(XmlWriter xml, string version, string hash, IEnumerable<KeyValuePair<string, IEnumerable<Instance>>> apps)
    {
        xml.WriteStartElement("applications");
        xml.WriteElementString("versions__delta", version);
        xml.WriteElementString("apps__hashcode", hash);
        foreach (var (name, instances) in apps) OneApplication(xml, name, instances);
        xml.WriteEndElement();
    }

    public static void OneApplication(XmlWriter xml, string name, IEnumerable<Instance> instances)
    {
        xml.WriteStartElement("application");
        xml.WriteElementString("name", name);
        foreach (var instance in instances) OneInstance(xml, instance);
        xml.WriteEndElement();
    }

    public static void OneInstance(XmlWriter xml, Instance instance, string root = "instance")
    {
        xml.WriteStartElement(root);
        xml.WriteElementString("instanceId", instance.Id);
        xml.WriteElementString("hostName", instance.HostName);
        xml.WriteElementString("app", instance.App);
        Optional(xml, "appGroupName", instance.AppGroupName);
        xml.WriteElementString("ipAddr", instance.IpAddr);
        Optional(xml, "sid", instance.Sid);
        xml.WriteElementString("status", instance.Status);
        xml.WriteElementString("overriddenstatus", instance.OverriddenStatus);
        Port(xml, "port", instance.Port);
        Port(xml, "securePort", instance.SecurePort);
        Number(xml, "countryId", instance.CountryId);
        Center(xml, instance.DataCenter);
        Lease(xml, instance.Lease);
        Metadata(xml, instance.Metadata);
        Optional(xml, "homePageUrl", instance.HomePageUrl);
        Optional(xml, "statusPageUrl", instance.StatusPageUrl);
        Optional(xml, "healthCheckUrl", instance.HealthCheckUrl);
        Optional(xml, "secureHealthCheckUrl", instance.SecureHealthCheckUrl);
        Optional(xml, "vipAddress", instance.VipAddress);
        Optional(xml, "secureVipAddress", instance.SecureVipAddress);
        xml.WriteElementString("isCoordinatingDiscoveryServer", instance.IsCoordinating ? "true" : "false");
        Number(xml, "lastUpdatedTimestamp", instance.LastUpdatedTimestamp);
        Number(xml, "lastDirtyTimestamp", instance.LastDirtyTimestamp);
        xml.WriteElementString("actionType", instance.ActionType);
        Optional(xml, "asgName", instance.AsgName);
        xml.WriteEndElement();
    }

    private static void Port(XmlWriter xml, string name, InstancePort port)
    {
        xml.WriteStartElement(name);
        xml.WriteAttributeString("enabled", port.Enabled ? "true" : "false");
        xml.WriteString(port.Number.ToString(CultureInfo.InvariantCulture));
        xml.WriteEndElement();
    }

    private static void Center(XmlWriter xml, DataCenter center)
    {
        xml.WriteStartElement("dataCenterInfo");
        xml.WriteAttributeString("class", DataCenterClass.Of(center.Name));
        xml.WriteElementString("name", center.Name);
        if (center.Name == "Amazon") Metadata(xml, center.Metadata);
        xml.WriteEndElement();
    }

    private static void Lease(XmlWriter xml, LeaseInfo lease)
    {
        xml.WriteStartElement("leaseInfo");
        Number(xml, "renewalIntervalInSecs", lease.RenewalIntervalSeconds);
        Number(xml, "durationInSecs", lease.DurationSeconds);
        Number(xml, "registrationTimestamp", lease.Registration);
        Number(xml, "lastRenewalTimestamp", lease.LastRenewal);
        Number(xml, "evictionTimestamp", lease.Eviction);
        Number(xml, "serviceUpTimestamp", lease.ServiceUp);
        xml.WriteEndElement();
    }

    private static void Metadata(XmlWriter xml, IReadOnlyDictionary<string, string> metadata)
    {
        xml.WriteStartElement("metadata");
        if (metadata.Count == 0) xml.WriteAttributeString("class", "java.util.Collections$EmptyMap");
        foreach (var (key, value) in metadata) xml.WriteElementString(XmlNames.Encode(key), value);
        xml.WriteEndElement();
    }

    private static void Number(XmlWriter xml, string name, long value) =>
        xml.WriteElementString(name, value.ToString(CultureInfo.InvariantCulture));

    private static void Optional(XmlWriter xml, string name, string? value)
    {
        if (value is not null) xml.WriteElementString(name, value);
    }
}
