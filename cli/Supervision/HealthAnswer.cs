using System.Text.Json;

namespace SecureMesh.Cli.Supervision;

/// <summary>Reads <c>{"status":"UP",…}</c>.</summary>
internal static class HealthAnswer
{
    public static string? Status(string body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("status", out var status) && status.ValueKind == JsonValueKind.String
                ? status.GetString()
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
