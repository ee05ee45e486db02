using System.Diagnostics;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;

namespace SecureMesh.Sdk;

/// <summary>An error body of the mesh's own APIs (RFC 9457), with the OAuth members that bearer clients read (RFC 6750 §3.1).</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Error">Stable code, for example <c>unauthorized</c>.</param>
/// <param name="Detail">What the caller can mend; never whether a user, key or token exists.</param>
public sealed record Problem(int Status, string Error, string Detail) : IResult
{
    /// <summary>Messages by member of the request body; left out when null.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>Value of the <c>WWW-Authenticate</c> header; every 401 has one.</summary>
    public string? Challenge { get; init; }

    /// <summary>Scopes of which one would have been enough; only with <c>insufficient_scope</c>, and not part of the body.</summary>
    public IReadOnlyList<string>? Scopes { get; init; }

    /// <summary>A stable code for what the caller can mend, finer than <see cref="Error"/>; left out when null.</summary>
    public string? Reason { get; init; }

    /// <summary>Value of the <c>Retry-After</c> header; left out when null.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Writes the problem; the trace id is that of the request.</summary>
    /// <param name="httpContext">The request to answer.</param>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        var response = httpContext.Response;
        response.StatusCode = Status;
        response.Headers.CacheControl = "no-store";
        if (Challenge is not null) response.Headers.WWWAuthenticate = Challenge;
        if (RetryAfter is { } wait) response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString(System.Globalization.CultureInfo.InvariantCulture);
        var title = Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(Status);
        var body = new Body("about:blank", title, Status, Detail, Error, Detail, TraceId(httpContext), Reason, Errors);
        return response.WriteWholeJsonAsync(body, ProblemJson.Default.Body, "application/problem+json");
    }

    /// <summary>The trace id of a request, 32 hex digits (W3C Trace Context), by which logs of all services are found.</summary>
    /// <param name="httpContext">The request.</param>
    public static string TraceId(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        return Activity.Current?.TraceId.ToHexString() ?? httpContext.TraceIdentifier;
    }

    internal sealed record Body(
        string Type,
        string Title,
        int Status,
        string Detail,
        string Error,
        [property: JsonPropertyName("error_description")] string ErrorDescription,
        string TraceId,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, string[]>? Errors);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Problem.Body))]
internal sealed partial class ProblemJson : JsonSerializerContext;
