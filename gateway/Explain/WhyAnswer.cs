using System.Text.Json;
using System.Text.Json.Serialization;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Explain;

/// <summary>The answer to an administrator; the first cause stands on top.</summary>
/// <param name="Id">The trace id.</param>
/// <param name="Status">What the caller got, or would get.</param>
/// <param name="Reason">The stable reason code.</param>
/// <param name="Cause">The first cause: the service's own where it tells one.</param>
/// <param name="Fix">The nearest way to mend it.</param>
/// <param name="Entries">What the gateway knows, then what the service's instances know (<see cref="Explanation"/>).</param>
/// <param name="Asked">Which instances of the service were asked.</param>
internal sealed record WhyAnswer(
    string Id, int Status, string? Reason, string Cause, string? Fix, IReadOnlyList<JsonElement> Entries, IReadOnlyList<AskedInstance> Asked)
{
    /// <summary>Of a dry run: whether the gateway would let the request through.</summary>
    public bool? Allowed { get; init; }
}

/// <summary>An instance of a service that was asked.</summary>
/// <param name="Service">Wire name.</param>
/// <param name="Instance">Its id in the registry, or its address.</param>
/// <param name="Said"><c>explained</c>, <c>nothing known</c>, or why it did not tell.</param>
internal sealed record AskedInstance(string Service, string Instance, string Said);

/// <summary>A request that is to be judged without being sent.</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="Path">Path, with the query if it matters.</param>
/// <param name="Credential">What would follow the scheme; null for none.</param>
/// <param name="Scheme"><c>Bearer</c> unless it says otherwise.</param>
internal sealed record DryRunRequest(string Method, string Path, string? Credential, string? Scheme);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(WhyAnswer))]
[JsonSerializable(typeof(Explanation))]
[JsonSerializable(typeof(DryRunRequest))]
internal sealed partial class WhyJson : JsonSerializerContext;
