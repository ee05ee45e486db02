using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SecureMesh.Account.Accounts;

/// <summary>A decimal as the JSON number it was given as.</summary>
internal sealed class DecimalTextConverter : JsonConverter<DecimalText>
{
    public override DecimalText Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        DecimalText.TryParse(JsonElement.ParseValue(ref reader).GetRawText(), out var value) ? value : throw new JsonException("not a decimal number");

    public override void Write(Utf8JsonWriter writer, DecimalText value, JsonSerializerOptions options) => writer.WriteRawValue(value.Text);
}

/// <summary>UTC with milliseconds and an offset without colon, the form that readers of the wire expect.</summary>
internal sealed class LastSeenConverter : JsonConverter<DateTimeOffset>
{
    private const string Form = "yyyy-MM-dd'T'HH:mm:ss.fff'+0000'";

    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        DateTimeOffset.ParseExact(reader.GetString()!, Form, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.UtcDateTime.ToString(Form, CultureInfo.InvariantCulture));
}
