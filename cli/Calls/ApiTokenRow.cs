using System.Globalization;
using System.Text.Json;

namespace SecureMesh.Cli.Calls;

/// <summary>What the token service tells of an API token.</summary>
internal sealed record ApiTokenRow(
    string? Id, string? Label, IReadOnlyList<string> Scopes, DateTimeOffset? CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt, string? LastUsedFrom)
{
    public static ApiTokenRow Of(JsonElement json) => new(
        json.Text("id"), json.Text("label"), json.Texts("scopes"), Time(json, "created_at"), Time(json, "expires_at"), Time(json, "last_used_at"), json.Text("last_used_address"));

    public static IReadOnlyList<ApiTokenRow> Many(JsonElement json)
    {
        var list = json.ValueKind == JsonValueKind.Array ? json : json.Get("tokens") ?? default;
        return list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray().Select(Of)] : [];
    }

    private static DateTimeOffset? Time(JsonElement json, string member) =>
        DateTimeOffset.TryParse(json.Text(member), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
}
