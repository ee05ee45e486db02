using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace SecureMesh.Config.Environments;

/// <summary>A successful answer; a caller who holds the same already gets 304 (RFC 9110 §13).</summary>
internal sealed record ConfigContent(byte[] Body, string ContentType, DateTimeOffset? Modified = null) : IResult
{
    /// <summary>The same bytes have the same tag, on every instance and after every restart.</summary>
    public string ETag { get; } = $"\"{Base64Url.EncodeToString(SHA256.HashData(Body).AsSpan(0, 16))}\"";

    /// <summary>True when the request names this content in <c>If-None-Match</c>, or without that header its time.</summary>
    public bool IsKnownTo(HttpRequest request)
    {
        var tags = request.Headers.IfNoneMatch;
        if (tags.Count > 0)
        {
            return EntityTagHeaderValue.TryParseList(tags, out var known)
                && known.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Tag.Equals(ETag, StringComparison.Ordinal));
        }
        return Modified is { } modified && request.GetTypedHeaders().IfModifiedSince is { } since && modified.ToUnixTimeSeconds() <= since.ToUnixTimeSeconds();
    }

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.Headers.ETag = ETag;
        response.Headers.CacheControl = "private, no-cache"; // to be kept by the caller alone, and asked for again
        response.Headers.Vary = "Accept";
        response.Headers.XContentTypeOptions = "nosniff";
        if (Modified is { } modified) response.Headers.LastModified = modified.UtcDateTime.ToString("R", System.Globalization.CultureInfo.InvariantCulture);
        if (IsKnownTo(httpContext.Request))
        {
            response.StatusCode = 304;
            return;
        }
        response.ContentType = ContentType;
        response.ContentLength = Body.Length;
        if (!HttpMethods.IsHead(httpContext.Request.Method)) await response.Body.WriteAsync(Body, httpContext.RequestAborted);
    }
}
