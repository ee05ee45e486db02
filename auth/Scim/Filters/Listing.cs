using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text.Json;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Scim.Filters;

/// <summary>What a list can be asked: its attributes and how they are compared.</summary>
/// <param name="Fields">By name, without regard to case.</param>
/// <param name="Attributes">Names that results have, in lower case.</param>
/// <param name="SortBy">The order when none is asked.</param>
internal sealed record ListingRules(IReadOnlyDictionary<string, FilterField> Fields, IReadOnlySet<string> Attributes, string SortBy);

/// <summary>The parameters of a list (UAA's: filter, sortBy, sortOrder, startIndex, count, attributes); empty ones count as left out.</summary>
internal sealed record Listing(Filter? Filter, FilterField SortBy, bool Descending, int StartIndex, int Count, IReadOnlyList<string> Attributes)
{
    private const int DefaultCount = 100;
    private const int MostCount = 500;

    public static Result<Listing, OAuthError> Read(IQueryCollection query, ListingRules rules)
    {
        if (query.FirstOrDefault(parameter => parameter.Value.Count > 1).Key is { } repeated)
            return Bad($"The parameter {OAuthError.Printable(repeated)} occurs more than once");
        string? Text(string name) => query[name].ToString() is { Length: > 0 } value ? value : null;

        Filter? filter = null;
        if (Text("filter") is { } text && (filter = FilterParser.Parse(text, rules.Fields)) is null) return InvalidFilter(text);
        if (!rules.Fields.TryGetValue(Text("sortBy") ?? rules.SortBy, out var sortBy)) return Bad($"Invalid sort attribute: [{Shown(Text("sortBy")!)}]");
        var order = Text("sortOrder") ?? "ascending";
        if (!order.StartsWith("asc", StringComparison.OrdinalIgnoreCase) && !order.StartsWith("desc", StringComparison.OrdinalIgnoreCase))
            return Bad($"Invalid sort order: [{Shown(order)}]");
        if (Number(Text("startIndex"), 1) is not { } start || Number(Text("count"), DefaultCount) is not { } count)
            return Bad("startIndex and count must be numbers");
        var attributes = (Text("attributes") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (attributes.FirstOrDefault(name => !rules.Attributes.Contains(name.Split('.')[0].ToLowerInvariant())) is { } unknown)
            return Bad($"Invalid attributes: [{Shown(unknown)}]");
        return new Listing(
            filter, sortBy, order.StartsWith("desc", StringComparison.OrdinalIgnoreCase), Math.Max(1, start), count < 1 ? DefaultCount : Math.Min(count, MostCount), attributes);
    }

    public static OAuthError InvalidFilter(string filter) => Bad($"Invalid filter expression: [{Shown(filter)}]");

    public static OAuthError Bad(string message) => new(400, "scim", message) { AsScim = true };

    /// <summary>Writes one result: whole, or those attributes that were asked for.</summary>
    public void WriteResult(Utf8JsonWriter json, Action<Utf8JsonWriter> write)
    {
        json.WriteStartObject();
        if (Attributes.Count == 0) write(json);
        else
        {
            var whole = new ArrayBufferWriter<byte>();
            using (var writer = new Utf8JsonWriter(whole))
            {
                writer.WriteStartObject();
                write(writer);
                writer.WriteEndObject();
            }
            using var document = JsonDocument.Parse(whole.WrittenMemory);
            foreach (var member in document.RootElement.EnumerateObject()) Select(json, member);
        }
        json.WriteEndObject();
    }

    private void Select(Utf8JsonWriter json, JsonProperty member)
    {
        var paths = Attributes.Select(path => path.Split('.', 2)).Where(path => path[0].Equals(member.Name, StringComparison.OrdinalIgnoreCase)).ToArray();
        if (paths.Length == 0) return;
        if (paths.Any(path => path.Length == 1) || member.Value.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array))
        {
            member.WriteTo(json);
            return;
        }
        json.WritePropertyName(member.Name);
        Part(json, member.Value, [.. paths.Select(path => path[1])]);
    }

    private static void Part(Utf8JsonWriter json, JsonElement value, string[] names)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            json.WriteStartArray();
            foreach (var item in value.EnumerateArray()) Part(json, item, names);
            json.WriteEndArray();
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            json.WriteStartObject();
            foreach (var member in value.EnumerateObject().Where(member => names.Contains(member.Name, StringComparer.OrdinalIgnoreCase))) member.WriteTo(json);
            json.WriteEndObject();
        }
        else value.WriteTo(json);
    }

    private static int? Number(string? text, int otherwise) =>
        text is null ? otherwise : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    // UAA escapes what it repeats; a page that shows the message stays a page of text.
    private static string Shown(string text) => OAuthError.Printable(WebUtility.HtmlEncode(text.Length > 200 ? text[..200] : text));
}
