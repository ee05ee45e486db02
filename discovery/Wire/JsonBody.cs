using System.Text.Json;
using System.Text.Unicode;

namespace SecureMesh.Discovery.Wire;

/// <summary>Reads a JSON body; members that are null count as absent.</summary>
internal static class JsonBody
{
    // Two members of one name are read differently by different parsers; no client sends them, a forger might.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = Limits.Depth, AllowDuplicateProperties = false };

    /// <summary>The value, or null when the bytes are not JSON in UTF-8, or nested too deep.</summary>
    public static WireValue? Read(ReadOnlyMemory<byte> body)
    {
        if (!Utf8.IsValid(body.Span)) return null;
        try
        {
            using var document = JsonDocument.Parse(body, Options);
            return Read(document.RootElement);
        }
        catch (JsonException)
        {
            return null;
        }
        catch (InvalidOperationException) // a lone surrogate, written as \ud800
        {
            return null;
        }
    }

    private static WireValue? Read(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var members = new Dictionary<string, WireValue>(StringComparer.Ordinal);
                foreach (var member in element.EnumerateObject())
                    if (Read(member.Value) is { } value) members[member.Name] = value;
                return WireValue.Of(members);
            case JsonValueKind.Array:
                return WireValue.List;
            case JsonValueKind.String:
                return WireValue.Of(element.GetString()!);
            case JsonValueKind.Null:
                return null;
            default:
                return WireValue.Of(element.GetRawText());
        }
    }
}
