using System.Text;
using System.Text.Json;

namespace SecureMesh.Auth.Protocol;

/// <summary>
/// Reads a JSON object strictly: no member twice (N-10), no text that is no Unicode, no NUL, bounded in size and depth. What
/// comes out can be read without an exception.
/// </summary>
internal static class JsonBody
{
    private const int MaxBytes = 256 * 1024;
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    public static async Task<Result<JsonElement, OAuthError>> ReadObjectAsync(HttpRequest request, CancellationToken cancellationToken, int maxBytes = MaxBytes)
    {
        if (!request.HasJsonContentType()) return OAuthError.InvalidRequest("The body must be application/json");
        var body = await FormBody.BodyAsync(request, maxBytes, cancellationToken);
        if (!body.IsSuccess) return body.Error;
        try
        {
            var json = JsonDocument.Parse(body.Value, Strict).RootElement;
            if (json.ValueKind != JsonValueKind.Object) return OAuthError.InvalidRequest("The body must be a JSON object");
            return IsReadable(json) ? json : OAuthError.InvalidRequest("The body holds a NUL character");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or DecoderFallbackException)
        {
            // Text that is no Unicode shows up as InvalidOperationException when it is read.
            return OAuthError.InvalidRequest("The body is not JSON in UTF-8");
        }
    }

    private static bool IsReadable(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => json.EnumerateObject().All(member => IsReadable(member.Name) && IsReadable(member.Value)),
        JsonValueKind.Array => json.EnumerateArray().All(IsReadable),
        JsonValueKind.String => IsReadable(json.GetString()!),
        _ => true,
    };

    // PostgreSQL cannot store NUL.
    private static bool IsReadable(string text) => !text.Contains('\0', StringComparison.Ordinal);
}
