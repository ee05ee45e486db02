using System.Text.Json.Serialization;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Explain;
using SecureMesh.Gateway.Hygiene;
using SecureMesh.Gateway.Metadata;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Protocol;

/// <summary>
/// The only writer of the gateway's own errors: problem+json, and below <c>/uaa/</c> UAA's members as
/// <c>application/json</c>, on which UAA's clients insist. What a service answers passes by unchanged.
/// </summary>
internal sealed partial class GatewayErrors(Explainer explainer, ResourceMetadata metadata, ILogger<GatewayErrors> logger) : IErrorDialect
{
    public Task RefuseAsync(HttpContext http, Refusal refusal)
    {
        using (RequestTrace.Begin(http))
        {
            var problem = refusal.Problem;
            Log.Refused(logger, problem.Status, problem.Reason, refusal.Cause, http.GetEndpoint()?.Metadata.GetMetadata<Routes.Route>()?.Id ?? "-");
        }
        explainer.Refused(http, refusal);
        return AnswerAsync(http, refusal.Problem);
    }

    /// <summary>What the gateway's outer steps refuse: a body that cannot be read, an exception.</summary>
    public Task WriteAsync(HttpContext http, Problem problem)
    {
        explainer.Refused(http, new Refusal(problem.Reason is null ? problem with { Reason = Reasons.Request } : problem, problem.Detail));
        return AnswerAsync(http, problem);
    }

    /// <summary>Answers without keeping why.</summary>
    public Task AnswerAsync(HttpContext http, Problem problem)
    {
        RequestTrace.Show(http);
        AnswerHeaders.Close(http.Response.Headers);
        if (http.Request.Path.StartsWithSegments("/uaa")) return WriteUaaAsync(http, problem);
        if (problem.Status == 401) problem = problem with { Challenge = metadata.Challenge(http, problem.Challenge) };
        return problem.ExecuteAsync(http);
    }

    private static Task WriteUaaAsync(HttpContext http, Problem problem)
    {
        var response = http.Response;
        response.StatusCode = problem.Status;
        response.Headers.CacheControl = "no-store";
        if (problem.Challenge is not null) response.Headers.WWWAuthenticate = problem.Challenge;
        if (problem.RetryAfter is { } wait) response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(System.Globalization.CultureInfo.InvariantCulture);
        return response.WriteWholeJsonAsync(new UaaError(problem.Error, problem.Detail), UaaJson.Default.UaaError);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.Refused, LogLevel.Information, "Refused with {Status} {Reason}: {Cause} (route {Route})")]
        public static partial void Refused(ILogger logger, int status, string? reason, string cause, string route);
    }
}

/// <summary>An error as UAA writes it.</summary>
internal sealed record UaaError(
    [property: JsonPropertyName("error")] string Error,
    [property: JsonPropertyName("error_description")] string Description);

[JsonSerializable(typeof(UaaError))]
internal sealed partial class UaaJson : JsonSerializerContext;
