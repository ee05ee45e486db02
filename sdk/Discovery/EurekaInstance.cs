using System.Globalization;
using System.Text.Json;

namespace SecureMesh.Sdk;

/// <summary>One instance as a registry writes it, read tolerantly: servers differ in arrays, numbers, nulls and words.</summary>
internal sealed record EurekaInstance(string App, string Id, string Status, string ActionType, JsonElement Json)
{
    /// <summary>What identifies it: ids are unique within an application only.</summary>
    public (string App, string Id) Key => (App, Id);

    /// <summary>Reads all applications of an answer; null when it is none at all.</summary>
    /// <param name="root">The answer.</param>
    /// <param name="skipped">Takes the name of each instance that has no identity.</param>
    public static List<EurekaInstance>? ReadAll(JsonElement root, Action<string> skipped)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("applications", out var applications) || applications.ValueKind != JsonValueKind.Object) return null;
        var found = new List<EurekaInstance>();
        foreach (var application in Items(applications, "application"))
        {
            if (application.ValueKind != JsonValueKind.Object) continue;
            var name = Unicode(() => Text(application, "name"));
            foreach (var instance in Items(application, "instance"))
            {
                if (Unicode(() => Read(instance, name)) is { } read) found.Add(read);
                else skipped(name ?? "?");
            }
        }
        return found;
    }

    /// <summary>The hash a delta must lead to: count by status over everything (<c>DOWN_1_UP_2_</c>).</summary>
    public static string Hash(IEnumerable<EurekaInstance> instances) => string.Concat(instances
        .GroupBy(instance => instance.Status, StringComparer.Ordinal)
        .OrderBy(group => group.Key, StringComparer.Ordinal)
        .Select(group => $"{group.Key}_{group.Count().ToString(CultureInfo.InvariantCulture)}_"));

    /// <summary>What the rest of the service works with; null when nobody could be called at the address.</summary>
    public ServiceInstance? ToInstance() => Unicode(Convert);

    private ServiceInstance? Convert()
    {
        var host = Text(Json, "hostName") is { Length: > 0 } name ? name : Text(Json, "ipAddr");
        var (secure, port) = Port("securePort", false) is { } s ? (true, s) : (false, Port("port", true) ?? 0);
        // A host name is only ever a host name: whatever else a registration puts there never becomes part of a URL.
        if (port is < 1 or > 65535 || host is null || Uri.CheckHostName(host) == UriHostNameType.Unknown) return null;
        if (host.Contains(':', StringComparison.Ordinal) && host[0] != '[') host = $"[{host}]";
        if (!Uri.TryCreate($"{(secure ? "https" : "http")}://{host}:{port.ToString(CultureInfo.InvariantCulture)}/", UriKind.Absolute, out var address)) return null;

        var names = $"{Text(Json, "vipAddress")},{(secure ? Text(Json, "secureVipAddress") : "")},{App}"
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Distinct(StringComparer.OrdinalIgnoreCase).ToArray();
        var status = Status is "UP" or "DOWN" or "STARTING" or "OUT_OF_SERVICE" ? Status : "UNKNOWN";
        return new ServiceInstance(Id, App, names, status, address, Metadata()) { RegisteredAt = RegisteredAt() };
    }

    /// <summary>
    /// Half of a surrogate pair (<c>\ud800</c>) is JSON but no text, and reading it throws. It costs the instance that holds it
    /// its place, not everybody else theirs.
    /// </summary>
    private static T? Unicode<T>(Func<T?> read) where T : class
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static EurekaInstance? Read(JsonElement json, string? application)
    {
        if (json.ValueKind != JsonValueKind.Object) return null;
        var app = (Text(json, "app") ?? application)?.ToUpperInvariant();
        var id = Text(json, "instanceId") is { Length: > 0 } given ? given : Text(json, "hostName");
        if (string.IsNullOrEmpty(app) || string.IsNullOrEmpty(id)) return null;
        return new EurekaInstance(app, id, Text(json, "status") ?? "UP", Text(json, "actionType") ?? "ADDED", json.Clone());
    }

    private long? RegisteredAt() =>
        Json.TryGetProperty("leaseInfo", out var lease) && lease.ValueKind == JsonValueKind.Object
            && long.TryParse(Text(lease, "registrationTimestamp"), NumberStyles.None, CultureInfo.InvariantCulture, out var at) && at > 0 ? at : null;

    private Dictionary<string, string> Metadata()
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!Json.TryGetProperty("metadata", out var map) || map.ValueKind != JsonValueKind.Object) return metadata;
        foreach (var entry in map.EnumerateObject())
        {
            // @class names a Java type of the server, it is no entry.
            if (entry.Name != "@class" && Text(entry.Value) is { } value) metadata[entry.Name] = value;
        }
        return metadata;
    }

    /// <summary>The port when it is enabled: <c>{"$":8080,"@enabled":"true"}</c>, with strings for either, or a bare number.</summary>
    private int? Port(string name, bool enabledByDefault)
    {
        if (!Json.TryGetProperty(name, out var port)) return null;
        var (number, enabled) = port.ValueKind == JsonValueKind.Object
            ? (Text(port, "$"), Text(port, "@enabled") is { } flag ? flag.Equals("true", StringComparison.OrdinalIgnoreCase) : enabledByDefault)
            : (Text(port), enabledByDefault);
        return enabled && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    /// <summary>An array as it is, one object where older servers drop the brackets, nothing for null or absent.</summary>
    private static IEnumerable<JsonElement> Items(JsonElement parent, string name)
    {
        if (!parent.TryGetProperty(name, out var items)) return [];
        return items.ValueKind switch
        {
            JsonValueKind.Array => items.EnumerateArray(),
            JsonValueKind.Object => [items],
            _ => [],
        };
    }

    private static string? Text(JsonElement parent, string name) => parent.TryGetProperty(name, out var value) ? Text(value) : null;

    private static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
        _ => null,
    };
}
