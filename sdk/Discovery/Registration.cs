using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace SecureMesh.Sdk;

/// <summary>This instance as it stands in the registry.</summary>
internal sealed record Registration(string App, string Id, string Host, int? Port, int? SecurePort)
{
    /// <summary>Made from the addresses the server really listens at, so port 0 has become a port; null without any.</summary>
    public static Registration? From(MeshOptions options, IEnumerable<string> addresses)
    {
        int? port = null, securePort = null;
        foreach (var text in addresses)
        {
            BindingAddress address;
            try
            {
                address = BindingAddress.Parse(text);
            }
            catch (FormatException)
            {
                continue;
            }
            if (address.IsUnixPipe || address.IsNamedPipe) continue;
            if (address.Scheme.Equals("https", StringComparison.OrdinalIgnoreCase)) securePort ??= address.Port;
            else port ??= address.Port;
        }
        if ((port ?? securePort) is not { } first) return null;
        var host = options.Registry.HostName;
        return new Registration(options.Name.ToUpperInvariant(), $"{host}:{options.Name}:{first.ToString(CultureInfo.InvariantCulture)}", host, port, securePort);
    }

    /// <summary>Path of the application below the base.</summary>
    public string AppPath => "apps/" + Uri.EscapeDataString(App);

    /// <summary>Path of the instance below the base.</summary>
    public string Path => $"{AppPath}/{Uri.EscapeDataString(Id)}";

    /// <summary>The body of a registration, with every field that some server insists on.</summary>
    public HttpContent Body(MeshOptions options, long dirty)
    {
        var name = options.Name;
        var home = SecurePort is { } s && Port is null ? $"https://{UrlHost}:{s}/" : $"http://{UrlHost}:{Port}/";
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("instance");
            json.WriteString("instanceId", Id);
            json.WriteString("hostName", Host);
            json.WriteString("app", App);
            json.WriteString("ipAddr", Host);
            json.WriteString("status", "UP");
            json.WriteString("overriddenStatus", "UNKNOWN");
            WritePort(json, "port", Port, 80);
            WritePort(json, "securePort", SecurePort, 443);
            json.WriteNumber("countryId", 1);
            json.WriteStartObject("dataCenterInfo");
            json.WriteString("@class", "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo");
            json.WriteString("name", "MyOwn");
            json.WriteEndObject();
            json.WriteStartObject("leaseInfo");
            json.WriteNumber("renewalIntervalInSecs", Seconds(options.Registry.RenewalInterval));
            json.WriteNumber("durationInSecs", Seconds(options.Registry.LeaseDuration));
            json.WriteEndObject();
            json.WriteStartObject("metadata");
            json.WriteString("management.port", (Port ?? SecurePort)?.ToString(CultureInfo.InvariantCulture));
            foreach (var (key, value) in options.Registry.Metadata.Where(entry => entry.Key != "management.port")) json.WriteString(key, value);
            json.WriteEndObject();
            json.WriteString("homePageUrl", home);
            json.WriteString("statusPageUrl", home + "actuator/health");
            json.WriteString("healthCheckUrl", home + "actuator/health");
            json.WriteString("vipAddress", name);
            json.WriteString("secureVipAddress", name);
            json.WriteString("isCoordinatingDiscoveryServer", "false");
            json.WriteString("lastUpdatedTimestamp", dirty.ToString(CultureInfo.InvariantCulture));
            json.WriteString("lastDirtyTimestamp", dirty.ToString(CultureInfo.InvariantCulture));
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return new ByteArrayContent(buffer.ToArray()) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
    }

    private string UrlHost => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host;

    private static void WritePort(Utf8JsonWriter json, string name, int? port, int otherwise)
    {
        json.WriteStartObject(name);
        json.WriteNumber("$", port ?? otherwise);
        json.WriteString("@enabled", port is null ? "false" : "true");
        json.WriteEndObject();
    }

    private static int Seconds(TimeSpan span) => Math.Max(1, (int)Math.Ceiling(span.TotalSeconds));
}
