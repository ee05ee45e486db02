using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SecureMesh.Sdk;

/// <summary>Times as explanations and the <c>mesh</c> command write them, UTC in whole seconds: <c>2026-01-31T12:00:00Z</c>.</summary>
public sealed class UtcSecondsConverter : JsonConverter<DateTimeOffset>
{
    /// <summary>A time as text.</summary>
    /// <param name="time">In any zone.</param>
    public static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTimeOffset();

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(Text(value));
    }
}
