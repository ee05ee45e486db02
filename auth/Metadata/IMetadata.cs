using System.Text.Json;

namespace SecureMesh.Auth.Metadata;

/// <summary>Members of the metadata that a slice answers for: it writes what it has registered, so nothing is advertised that is not there.</summary>
internal interface IMetadata
{
    /// <param name="json">The object, open.</param>
    /// <param name="address">What the addresses of this service begin with, without a final slash.</param>
    void Write(Utf8JsonWriter json, string address);
}

internal static class MetadataJson
{
    public static void WriteList(this Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
