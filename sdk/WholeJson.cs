using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace SecureMesh.Sdk;

/// <summary>JSON answers that leave in one piece.</summary>
public static class WholeJson
{
    /// <summary>
    /// Writes a value with its length. Of an answer in chunks, as the framework's own <c>WriteAsJsonAsync</c> makes it, the end goes out by
    /// itself: a process that is killed just then leaves half an answer, which no gateway can ask another instance for any more.
    /// </summary>
    /// <param name="response">The answer; its status and headers are set before.</param>
    /// <param name="value">What it says; not for what may be large, because all of it is in memory at once.</param>
    /// <param name="type">How it is written.</param>
    /// <param name="contentType">The media type.</param>
    /// <returns>Done when the server has it. A caller who has left is no error.</returns>
    public static Task WriteWholeJsonAsync<T>(this HttpResponse response, T value, JsonTypeInfo<T> type, string contentType = "application/json")
    {
        ArgumentNullException.ThrowIfNull(response);
        var body = JsonSerializer.SerializeToUtf8Bytes(value, type);
        response.ContentType = contentType;
        response.ContentLength = body.Length;
        // Without the token of the request: the server ends the writing when the caller leaves, and nothing is thrown.
        return response.Body.WriteAsync(body, CancellationToken.None).AsTask();
    }
}
