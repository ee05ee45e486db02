using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Keeps why this service refused: its checks of credentials, scope policies and some endpoints say so themselves, all else by its status.</summary>
internal sealed partial class ServiceRefusals(Explanations kept, IOptions<MeshOptions> mesh, TimeProvider time, ILogger<ServiceRefusals> logger) : IDisposable
{
    /// <summary>What is read of a credential in a second: in a flood the others are kept without it.</summary>
    private const int ReadPerSecond = 500;

    private static readonly object _kept = new();
    private readonly LogBudget _reads = new(ReadPerSecond, static _ => { });

    /// <summary>Refused before the endpoint; called before the answer is written.</summary>
    public void Refused(HttpContext http, Problem problem, string cause)
    {
        if (kept.Keeps && http.Items.TryAdd(_kept, null)) kept.Add(Of(http, problem.Status, cause, StepOf(problem, cause)) with { Reason = problem.Error });
    }

    /// <summary>Answered by the endpoint, or by whatever stood in its place.</summary>
    public void Answered(HttpContext http)
    {
        var status = http.Response.StatusCode;
        var own = http.OwnCause();
        if (own is not null) Log.Refused(logger, status, own.Cause);
        // Probes ask every second, and say why in their answer.
        if (!kept.Keeps || !mesh.Value.Explain.Serve || HealthEndpoint.IsAskedBy(http) || !http.Items.TryAdd(_kept, null)) return;
        kept.Add(Of(http, status, own?.Cause ?? $"the endpoint itself answered {status}", "endpoint", own?.Fix));
    }

    public void Dispose() => _reads.Dispose();

    private Explanation Of(HttpContext http, int status, string cause, string failed, string? fix = null)
    {
        var facts = Facts(http);
        var endpoint = http.GetEndpoint();
        var wanted = endpoint?.Metadata.GetOrderedMetadata<AuthorizationPolicy>().SelectMany(policy => policy.Requirements.OfType<ScopeRequirement>()).Select(requirement => string.Join(" or ", requirement.AnyOf)).ToArray() ?? [];
        var held = facts?.Scopes is { Count: > 0 } scopes ? string.Join(' ', scopes) : "none";
        var at = Array.IndexOf(Order, failed);
        string Detail(string step) => step switch
        {
            "credential" => facts is null ? "none was shown" : $"{facts.Kind}{(facts.Typ is null ? "" : " " + facts.Typ)}, {facts.Length} characters",
            "token" => facts?.Issuer is null ? "key, issuer, audience, times, revocation" : $"of {facts.Issuer} for {string.Join(' ', facts.Audience ?? [])}; expected {mesh.Value.Audience}",
            "scopes" => wanted.Length == 0 ? $"none are asked for before the endpoint; held: {held}" : $"wanted {string.Join(", and ", wanted)}; held: {held}",
            _ => endpoint?.DisplayName is { } name ? PlainWords.Of(name) : "no endpoint has this path and method",
        };
        ExplanationStep Step(string name, int place) => place == at
            ? new(name, ExplanationStep.Failed, name == "scopes" ? Detail(name) : cause)
            : new(name, place < at ? ExplanationStep.Ok : ExplanationStep.NotReached, Detail(name));
        return new Explanation(Problem.TraceId(http), time.GetUtcNow(), mesh.Value.Name, PlainWords.Of(http.Request.Method, 20), PlainWords.PathOf(http.Request), status, cause)
        {
            Instance = http.Connection.LocalPort.ToString(System.Globalization.CultureInfo.InvariantCulture),
            Route = endpoint?.DisplayName is { } display ? PlainWords.Of(display) : null,
            Credential = facts,
            Fix = fix ?? FixOf(failed, cause, wanted, status),
            Steps = [.. Order.Select(Step)],
        };
    }

    private static readonly string[] Order = ["credential", "token", "scopes", "endpoint"];

    private static string StepOf(Problem problem, string cause) =>
        problem.Status == StatusCodes.Status403Forbidden ? "scopes" : problem.Error == "unauthorized" || cause.StartsWith("more than one", StringComparison.Ordinal) ? "credential" : "token";

    private static string FixOf(string failed, string cause, string[] wanted, int status) => failed switch
    {
        "credential" when cause.Contains("secret", StringComparison.Ordinal) => "the name and the secret are none that mesh:credentials of this service lists: compare them with those of the caller",
        "credential" => "call with exactly one credential, through the gateway",
        "scopes" when wanted.Length > 0 => $"the service wants scope {wanted[0]}: name it in the route's scopes, because the gateway shows a service only those, and ask for it",
        "scopes" => "the endpoint's own policy refuses this caller",
        "token" when cause.Contains("audience", StringComparison.Ordinal) => "the token was made for another service: call through the gateway, which makes one for this service",
        "token" when cause.Contains("expired", StringComparison.Ordinal) => "get a new token; if it is a passport, look at the clocks of gateway and service",
        "token" when cause.Contains("key", StringComparison.Ordinal) => "the service does not know the key that signed: look at its health component keys, and at auth",
        "token" when cause.Contains("revo", StringComparison.Ordinal) => "sign in again",
        "token" => "call through the gateway with a token of the mesh's issuer",
        _ when status == StatusCodes.Status405MethodNotAllowed => "use a method that the path takes",
        _ when status == StatusCodes.Status429TooManyRequests => "wait as long as Retry-After of the answer says",
        _ when status >= 500 => "the service failed: its log has the reason under this id",
        _ => "the endpoint decided by itself: its log has the reason under this id, if it gives one (RefusedBecause of the SDK)",
    };

    private CredentialFacts? Facts(HttpContext http)
    {
        var request = http.Request;
        var (kind, token) = BearerHeader.Read(request);
        if (kind == BearerHeaderKind.None && request.Headers.Authorization.Count == 0) return null;
        if (kind != BearerHeaderKind.Token) return new CredentialFacts { Kind = kind == BearerHeaderKind.None ? "other" : "unreadable" };
        if (!_reads.TryTake() || CredentialFacts.OfJwt("Bearer", token!) is not { } facts) return new CredentialFacts { Kind = "opaque", Scheme = "Bearer", Length = token!.Length, AudienceExpected = [mesh.Value.Audience] };
        // The caller is known only when the token was found not to be revoked, too.
        return facts with { Verified = http.User.Identities.Any(identity => identity.Label == BearerTokenHandler.Verified), AudienceExpected = [mesh.Value.Audience] };
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.RefusedByEndpoint, LogLevel.Information, "Refused with {Status}: {Cause}")]
        public static partial void Refused(ILogger logger, int status, string cause);
    }
}
