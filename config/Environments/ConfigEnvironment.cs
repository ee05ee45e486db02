using System.Numerics;
using System.Text.Encodings.Web;
using System.Text.Json;
using SecureMesh.Config.Documents;
using SecureMesh.Config.Sources;

namespace SecureMesh.Config.Environments;

/// <summary>The answer to an environment request.</summary>
internal sealed record ConfigEnvironment(EnvironmentRequest Request, string? Version, IReadOnlyList<PropertySource> PropertySources, DateTimeOffset? Modified)
{
    // The answer is data for programs, never part of a page: readable text instead of \u003C.
    public static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the fields in the order clients are used to.</summary>
    /// <param name="withOrigins">Version 2 of the media type: <c>{"value":…,"origin":"line:column"}</c> where the place is known.</param>
    public byte[] ToJson(bool withOrigins)
    {
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body, Json))
        {
            json.WriteStartObject();
            json.WriteString("name", Request.Application);
            json.WriteStartArray("profiles");
            json.WriteStringValue(Request.Profile); // one string with the whole list, as the reference does
            json.WriteEndArray();
            json.WriteString("label", Request.Label);
            json.WriteString("version", Version);
            json.WriteNull("state");
            json.WriteStartArray("propertySources");
            foreach (var source in PropertySources) WriteSource(json, source, withOrigins);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return body.ToArray();
    }

    public static void WriteScalar(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case double number when !double.IsFinite(number): json.WriteStringValue(ScalarText.Of(number)); break;
            case long or double or BigInteger: json.WriteRawValue(ScalarText.Of(value), skipInputValidation: true); break;
            default: json.WriteStringValue(ScalarText.Of(value)); break;
        }
    }

    private static void WriteSource(Utf8JsonWriter json, PropertySource source, bool withOrigins)
    {
        json.WriteStartObject();
        json.WriteString("name", source.Name);
        json.WriteStartObject("source");
        foreach (var (key, value, origin) in source.Properties)
        {
            json.WritePropertyName(key);
            if (!withOrigins || origin is null)
            {
                WriteScalar(json, value);
                continue;
            }
            json.WriteStartObject();
            json.WritePropertyName("value");
            WriteScalar(json, value);
            json.WriteString("origin", origin);
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
