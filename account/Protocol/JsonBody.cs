using System.Text.Json;
using System.Text.Unicode;
using Microsoft.Net.Http.Headers;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Protocol;

/// <summary>Reads the JSON object of a request and refuses everything else before a rule sees it.</summary>
internal static class JsonBody
{
    public const int MaxBytes = 256 * 1024;

    // Two readers that differ on which of two equal members counts would see two different requests.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    public static async Task<Result<FieldReader>> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (!IsJson(request.ContentType)) return new Problem(415, "unsupported_media_type", "Send the body as application/json in UTF-8");
        var body = await ReadBytesAsync(request, cancellationToken);
        return body.IsSuccess ? Parse(body.Value) : body.Refusal;
    }

    private static bool IsJson(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type)
        && type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
        && (!type.Charset.HasValue || HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase));

    private static async Task<Result<byte[]>> ReadBytesAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var tooLarge = new Problem(413, "request_too_large", $"The body must not be larger than {MaxBytes} bytes");
        if (request.ContentLength > MaxBytes) return tooLarge;
        try
        {
            using var bytes = new MemoryStream();
            var block = new byte[16 * 1024];
            int count;
            while ((count = await request.Body.ReadAsync(block, cancellationToken)) > 0)
            {
                if (bytes.Length + count > MaxBytes) return tooLarge;
                bytes.Write(block, 0, count);
            }
            return bytes.ToArray();
        }
        catch (BadHttpRequestException e)
        {
            return e.StatusCode == 413 ? tooLarge : new Problem(e.StatusCode, "invalid_request", "The body could not be read");
        }
    }

    private static Result<FieldReader> Parse(byte[] body)
    {
        if (!Utf8.IsValid(body)) return Refuse("The body is not UTF-8");
        try
        {
            if (HasNul(body)) return Refuse("The body must not contain the character U+0000");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: half of a surrogate pair
        {
            return Refuse("The body is not valid JSON");
        }
        try
        {
            var json = JsonElement.Parse(body, Strict);
            return json.ValueKind == JsonValueKind.Object ? new FieldReader(json) : Refuse("The body must be a JSON object");
        }
        catch (JsonException) // the syntax was found good above
        {
            return Refuse("The body has a member twice");
        }
    }

    /// <summary>Walks the whole document, so that later no text in it can fail to be read.</summary>
    private static bool HasNul(byte[] body)
    {
        var reader = new Utf8JsonReader(body);
        while (reader.Read())
            if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String && reader.ValueIsEscaped
                && reader.GetString()!.Contains('\0', StringComparison.Ordinal)) return true;
        return false;
    }

    private static Problem Refuse(string detail) => new(400, "invalid_request", detail);
}
