using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace SecureMesh.Cli.Terminal;

/// <summary>JSON for people and scripts: indented, with no more escapes than JSON needs.</summary>
internal static class JsonText
{
    // Not for HTML: what the relaxed encoder leaves alone is dangerous there only. Control characters it escapes.
    private static readonly JsonWriterOptions _indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonWriterOptions _oneLine = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Of(Action<Utf8JsonWriter> write) => Of(write, _indented);

    public static string Line(Action<Utf8JsonWriter> write) => Of(write, _oneLine);

    /// <summary>A member whose value may be missing: null then, so that the names are always the same.</summary>
    public static void Member(this Utf8JsonWriter json, string name, string? value)
    {
        if (value is null) json.WriteNull(name);
        else json.WriteString(name, value);
    }

    public static void Member(this Utf8JsonWriter json, string name, DateTimeOffset? value)
    {
        if (value is null) json.WriteNull(name);
        else json.WriteString(name, SecureMesh.Sdk.UtcSecondsConverter.Text(value.Value));
    }

    public static void Member(this Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }

    private static string Of(Action<Utf8JsonWriter> write, JsonWriterOptions options)
    {
        var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, options)) write(json);
        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }
}
