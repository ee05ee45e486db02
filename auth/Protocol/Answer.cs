using System.Buffers;
using System.Text.Json;

namespace SecureMesh.Auth.Protocol;

/// <summary>A JSON object: kept by nobody on the way, or published for everyone.</summary>
internal sealed class Answer(Action<Utf8JsonWriter> write, bool published = false) : IResult
{
    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(5);

    public int Status { get; init; } = 200;

    /// <summary>How long anyone may keep what is published.</summary>
    public TimeSpan MaxAge { get; init; } = KeptFor;

    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = Status;
        if (published) Publish(httpContext.Response, MaxAge);
        else Hide(httpContext.Response);
        return WriteAsync(httpContext, write);
    }

    /// <summary>Writes one JSON object as <c>application/json</c>, whole or not at all.</summary>
    public static Task WriteAsync(HttpContext http, Action<Utf8JsonWriter> write) => WriteWholeAsync(http, json =>
    {
        json.WriteStartObject();
        write(json);
        json.WriteEndObject();
    });

    /// <summary>Writes one JSON value as <c>application/json</c>, whole or not at all.</summary>
    public static Task WriteWholeAsync(HttpContext http, Action<Utf8JsonWriter> write)
    {
        using var buffer = JsonBuffer.ForAnswer();
        write(buffer.Json);
        var written = buffer.Written;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = written.Length;
        var body = http.Response.BodyWriter;
        body.Write(written);
        return body.FlushAsync(http.RequestAborted).AsTask();
    }

    /// <summary>Lets nobody keep the answer (RFC 6749 §5.1).</summary>
    public static void Hide(HttpResponse response)
    {
        response.Headers.CacheControl = "no-store";
        response.Headers.Pragma = "no-cache";
    }

    /// <summary>Lets anyone keep the answer for a while, pages of any origin too.</summary>
    public static void Publish(HttpResponse response, TimeSpan? maxAge = null)
    {
        response.Headers.CacheControl = $"public, max-age={(maxAge ?? KeptFor).TotalSeconds:0}";
        response.Headers.AccessControlAllowOrigin = "*";
    }
}

/// <summary>A JSON array that nobody on the way keeps.</summary>
internal sealed class AnswerList(Action<Utf8JsonWriter> write) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        Answer.Hide(httpContext.Response);
        return Answer.WriteWholeAsync(httpContext, json =>
        {
            json.WriteStartArray();
            write(json);
            json.WriteEndArray();
        });
    }
}
