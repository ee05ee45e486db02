using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;

namespace SecureMesh.Config;

/// <summary>A refused request, in the form that clients of a Spring Cloud Config server know (Boot's error JSON).</summary>
/// <param name="Status">HTTP status; clients decide by it alone, and take 404 for "this label does not exist".</param>
/// <param name="Message">What the caller can mend; null leaves the member out.</param>
internal sealed record ConfigError(int Status, string? Message = null) : IResult
{
    /// <summary>An unknown file is answered without a body.</summary>
    public static readonly ConfigError NoSuchFile = new(404) { WithoutBody = true };

    public bool WithoutBody { get; init; }

    public static ConfigError Invalid(string message) => new(400, "Invalid Request: " + message);
    public static ConfigError NoSuchLabel() => new(404, "No such label");

    public Task ExecuteAsync(HttpContext httpContext) // the only writer of errors
    {
        var response = httpContext.Response;
        response.StatusCode = Status;
        response.Headers.CacheControl = "no-store";
        if (Status == 405) response.Headers.Allow = "GET, HEAD";
        if (WithoutBody) return Task.CompletedTask;
        var time = httpContext.RequestServices.GetRequiredService<TimeProvider>();
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("timestamp", time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture));
            json.WriteNumber("status", Status);
            json.WriteString("error", ReasonPhrases.GetReasonPhrase(Status));
            if (Message is not null) json.WriteString("message", Message);
            json.WriteString("path", httpContext.Request.Path.Value);
            json.WriteEndObject();
        }
        response.ContentType = "application/json";
        response.ContentLength = body.Length;
        return response.Body.WriteAsync(body.GetBuffer().AsMemory(0, (int)body.Length), httpContext.RequestAborted).AsTask();
    }
}
