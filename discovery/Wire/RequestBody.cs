using System.IO.Compression;
using Microsoft.Net.Http.Headers;

namespace SecureMesh.Discovery.Wire;

/// <summary>A request body, read whole and never beyond its limit, whatever its compressed form promises.</summary>
internal static class RequestBody
{
    /// <summary>Reads and parses the body.</summary>
    /// <returns>A status other than 200 refuses; with 200, <c>Value</c> is null when the body could not be parsed.</returns>
    public static async Task<(int Status, bool Json, WireValue? Value)> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (Json(request) is not { } json) return (415, false, null);
        var encoding = request.Headers.ContentEncoding.ToString();
        if (encoding is not "" && !encoding.Equals("gzip", StringComparison.OrdinalIgnoreCase) && !encoding.Equals("identity", StringComparison.OrdinalIgnoreCase))
            return (415, json, null);
        try
        {
            var gzip = encoding.Equals("gzip", StringComparison.OrdinalIgnoreCase);
            await using var stream = gzip ? new GZipStream(request.Body, CompressionMode.Decompress) : request.Body;
            if (await ReadAsync(stream, cancellationToken) is not { } bytes) return (413, json, null);
            return (200, json, json ? JsonBody.Read(bytes) : XmlBody.Read(bytes));
        }
        catch (InvalidDataException) // not gzip, or broken off
        {
            return (200, json, null);
        }
        catch (BadHttpRequestException e) // Kestrel's own limits, or a body that ended early
        {
            return (e.StatusCode, json, null);
        }
    }

    /// <summary>True for JSON, false for XML, null for anything else; a charset other than UTF-8 is something else.</summary>
    private static bool? Json(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type)) return null;
        if (type.Charset.HasValue && !type.Charset.Value!.Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase)) return null;
        if (type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)) return true;
        return type.MediaType.Equals("application/xml", StringComparison.OrdinalIgnoreCase) ? false : null;
    }

    private static async Task<byte[]?> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var buffer = new byte[Limits.BodyBytes + 1];
        var length = 0;
        while (length < buffer.Length)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken);
            if (read == 0) return buffer[..length];
            length += read;
        }
        return null;
    }
}
