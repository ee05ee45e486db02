using System.Globalization;
using SecureMesh.Discovery.Access;
using SecureMesh.Discovery.Registry;

namespace SecureMesh.Discovery.Apps;

/// <summary>Reads the parts of a request's address.</summary>
internal static class Route
{
    public static string App(HttpContext http) => Value(http, "app");

    public static string Value(HttpContext http, string name) =>
        // The server decodes everything but the encoded slash.
        ((string?)http.GetRouteValue(name) ?? "").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    /// <summary>The instance meant; null when no instance can have that name.</summary>
    public static InstanceKey? Key(HttpContext http, LeaseRegistry registry)
    {
        var app = App(http);
        if (!Names.IsApp(app)) return null;
        var key = new InstanceKey(app.ToUpperInvariant(), Value(http, "id"));
        // Steeltoe encodes a path as a form: a plus sign can mean a space.
        var spaced = key with { Id = key.Id.Replace('+', ' ') };
        return key != spaced && registry.Find(key) is null && registry.Find(spaced) is not null ? spaced : key;
    }

    /// <summary>The optional query value <c>lastDirtyTimestamp</c>; false when it is not a number.</summary>
    public static bool TryTimestamp(HttpContext http, out long? timestamp)
    {
        timestamp = null;
        var text = http.Request.Query["lastDirtyTimestamp"].ToString();
        if (text.Length == 0) return true;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)) return false;
        timestamp = value;
        return true;
    }
}
