using System.Text;
using System.Text.Json;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Token;

/// <summary>
/// Parameter <c>authorities</c> of UAA: <c>{"az_attr":{"name":"value"}}</c>. The values stand in a claim of their own and can
/// therefore replace none of ours (V-036).
/// </summary>
internal static class AuthorizationAttributes
{
    private const int LongestBytes = 2048;
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <summary>The attributes, with no value when there are none: what is no such text counts as left out, as in UAA.</summary>
    public static Result<Attributes, OAuthError> Read(Parameters form)
    {
        if (form["authorities"] is not { } text) return default(Attributes);
        if (Encoding.UTF8.GetByteCount(text) > LongestBytes) return OAuthError.InvalidRequest($"authorities is longer than {LongestBytes} bytes");
        try
        {
            using var json = JsonDocument.Parse(text, Strict);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("az_attr", out var attributes)
                && attributes.ValueKind == JsonValueKind.Object && IsText(attributes)
                    ? new Attributes(attributes.Clone()) : default;
        }
        catch (JsonException)
        {
            return default(Attributes);
        }
    }

    // Half of a surrogate pair is JSON, but it cannot be written again.
    internal static bool IsText(JsonElement json)
    {
        try
        {
            return json.ValueKind switch
            {
                JsonValueKind.String => json.GetString() is not null,
                JsonValueKind.Object => json.EnumerateObject().All(member => member.Name is not null && IsText(member.Value)),
                JsonValueKind.Array => json.EnumerateArray().All(IsText),
                _ => true,
            };
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}

/// <param name="Value">A JSON object; null when the request has none.</param>
internal readonly record struct Attributes(JsonElement? Value);
