using System.Text.Json.Serialization;

namespace SecureMesh.Sdk;

/// <summary>Why one request was refused, for administrators: everything that is known of it and no byte of a secret.</summary>
/// <param name="Id">The trace id, as in the answer's header <c>X-Trace-Id</c>.</param>
/// <param name="Time">When it was refused.</param>
/// <param name="Service">Wire name of the service that tells.</param>
/// <param name="Method">HTTP method.</param>
/// <param name="Path">Percent-encoded path with the names of the query's members, without their values.</param>
/// <param name="Status">HTTP status of the answer.</param>
/// <param name="Cause">The first cause, in words.</param>
public sealed record Explanation(
    string Id, [property: JsonConverter(typeof(UtcSecondsConverter))] DateTimeOffset Time, string Service, string Method, string Path, int Status, string Cause)
{
    /// <summary>Which of several instances tells; null when it has no name of its own.</summary>
    public string? Instance { get; init; }

    /// <summary>The stable reason code that the caller read, when there was one.</summary>
    public string? Reason { get; init; }

    /// <summary>The route or endpoint; null when none was found.</summary>
    public string? Route { get; init; }

    /// <summary>The service that the request went to, or would have gone to; null at the end of its way.</summary>
    public string? Destination { get; init; }

    /// <summary>The nearest way to mend it, in one sentence.</summary>
    public string? Fix { get; init; }

    /// <summary>What the credential says of itself; null when there was none.</summary>
    public CredentialFacts? Credential { get; init; }

    /// <summary>The checks in their order.</summary>
    public IReadOnlyList<ExplanationStep> Steps { get; init; } = [];
}

/// <summary>One check of a request.</summary>
/// <param name="Name">Its stable name, for example <c>audience</c>.</param>
/// <param name="Outcome"><c>ok</c>, <c>failed</c> or <c>not_reached</c>.</param>
/// <param name="Detail">What was wanted and what was found.</param>
public sealed record ExplanationStep(string Name, string Outcome, string Detail)
{
    /// <summary>The check was passed.</summary>
    public const string Ok = "ok";

    /// <summary>The first cause.</summary>
    public const string Failed = "failed";

    /// <summary>The request did not get so far.</summary>
    public const string NotReached = "not_reached";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ExplainedRequest))]
internal sealed partial class ExplanationJson : JsonSerializerContext;

/// <summary>The answer to <c>GET /actuator/why/{id}</c>.</summary>
internal sealed record ExplainedRequest(string Id, IReadOnlyList<Explanation> Entries);
