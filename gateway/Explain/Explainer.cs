using Microsoft.Extensions.Options;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Access.Foreign;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;
using Exchange = SecureMesh.Gateway.Forwarding.Exchange;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Explain;

/// <summary>
/// Says why a request was refused: reads the request again, at the moment of the refusal and only then. Requests that succeed
/// cost nothing, and in a flood of refusals the credentials are read so many times a second and no more.
/// </summary>
internal sealed partial class Explainer(
    Explanations kept, Credentials credentials, ITokenRevocations revocations, InstanceLists instances, RouteTable table, ForeignIssuers foreign, IOptions<MeshOptions> mesh, TimeProvider time, ILogger<Explainer> logger) : IDisposable
{
    private const int ReadPerSecond = 1000;
    private static readonly string _instance = Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture);
    private readonly LogBudget _reads = new(ReadPerSecond, static _ => { });

    /// <summary>The gateway refuses; called before the answer is written.</summary>
    public void Refused(HttpContext http, Refusal refusal)
    {
        if (!kept.Keeps) return;
        var route = http.GetEndpoint()?.Metadata.GetMetadata<Route>();
        Keep(new Attempt(http, route, refusal) { Exchange = http.Features.Get<Exchange>() });
    }

    /// <summary>A service refuses or fails, although the gateway let the request through, with a credential or without; called before its answer is passed on.</summary>
    public void Answered(Exchange exchange, int status)
    {
        if (kept.Keeps) Keep(new Attempt(exchange.Http, exchange.Route, null) { Exchange = exchange, Answered = status });
    }

    /// <summary>A fault in here costs an explanation and never the answer.</summary>
    private void Keep(Attempt attempt)
    {
        try
        {
            kept.Add(Explain(attempt));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Log.Failed(logger, e);
        }
    }

    /// <summary>The whole chain of one request.</summary>
    public Explanation Explain(Attempt attempt)
    {
        var (http, route, refusal) = (attempt.Http, attempt.Route, attempt.Refusal);
        var shown = Presented.Read(http.Request.Headers.Authorization, out _);
        var caller = attempt.Caller ?? attempt.Exchange?.Caller ?? (shown is { } known && route is { Public: false } ? credentials.Find(known) : null);
        var facts = attempt.Facts ?? Facts(http, shown, caller, attempt.IsDryRun);
        var failed = refusal is not null ? FailedAt(refusal, facts) : attempt.Answered is not null ? Check.Service : null;
        var details = new CheckDetails(attempt, facts, caller, table.Match, instances, revocations, time.GetUtcNow());
        var cause = failed is null ? "nothing: the request would be let through" : details.Cause(failed);
        var status = attempt.Answered ?? refusal?.Problem.Status ?? 200;
        return new Explanation(Problem.TraceId(http), time.GetUtcNow(), mesh.Value.Name, PlainWords.Of(http.Request.Method, 20), PlainWords.PathOf(http.Request), status, cause)
        {
            Instance = _instance,
            Reason = refusal?.Problem.Reason ?? (attempt.Answered is null ? null : "service_refused"),
            Route = route?.Id,
            Destination = route?.Service,
            Credential = facts,
            Fix = failed is null ? null : Fixes.For(failed, attempt, facts, revocations, caller),
            Steps = Steps([.. Check.Of(route, facts?.Kind, failed).Except(attempt.Facts is null ? [] : Check.OfShown)], failed, cause, details, attempt.IsDryRun ? attempt.Ends : null),
        };
    }

    public void Dispose() => _reads.Dispose();

    private static List<ExplanationStep> Steps(IReadOnlyList<string> checks, string? failed, string cause, CheckDetails details, string? ends)
    {
        var steps = new List<ExplanationStep>(checks.Count + 1);
        var (reached, seen) = (true, failed is null);
        foreach (var check in checks)
        {
            if (check == failed) (reached, seen) = (false, true);
            if (check == ends) reached = false;
            var outcome = check == failed ? ExplanationStep.Failed : reached ? ExplanationStep.Ok : ExplanationStep.NotReached;
            steps.Add(new ExplanationStep(check, outcome, check == failed ? cause : details.Of(check)));
        }
        // A check that such a request usually does not pass through.
        if (!seen) steps.Add(new ExplanationStep(failed!, ExplanationStep.Failed, cause));
        return steps;
    }

    /// <summary>Of several things that are wrong the one that comes first in the order of the checks, as far as the gateway got.</summary>
    private static string FailedAt(Refusal refusal, CredentialFacts? facts)
    {
        var check = Check.Of(refusal);
        // What is no JWT, auth alone reads.
        if (facts is { Kind: not "jwt" } && check is Check.Token or Check.Issuer or Check.Key or Check.Audience) return Check.Auth;
        if (facts is not { Kind: "jwt" } || check is not (Check.Key or Check.Lifetime or Check.Audience)) return check;
        // Who signs with a key that nobody knows, or is late in everything, is first of all somebody else.
        if (check is Check.Key && !refusal.Cause.Contains("no such key", StringComparison.Ordinal)) return check;
        if (refusal.Problem.Reason == Reasons.Expired) return check;
        if (facts.Issuer is { } issuer && issuer != facts.IssuerExpected) return Check.Issuer;
        var elsewhere = facts.Audience is { } audience && facts.AudienceExpected is { } expected && !audience.Intersect(expected, StringComparer.Ordinal).Any();
        return check is Check.Lifetime && elsewhere && refusal.Cause.StartsWith("Security", StringComparison.Ordinal) ? Check.Audience : check;
    }

    private CredentialFacts? Facts(HttpContext http, Presented? shown, Caller? caller, bool isDryRun)
    {
        if (shown is not { } credential) return http.Request.Headers.Authorization.Count == 0 ? null : new CredentialFacts { Kind = "unreadable", Length = http.Request.Headers.Authorization.ToString().Length };
        var (kind, scheme, length) = (credential.Kind.Name(), credential.Scheme.ToString(), credential.Text.Length);
        scheme = credential.Scheme == CredentialScheme.Dpop ? "DPoP" : scheme;
        var facts = new CredentialFacts { Kind = kind, Scheme = scheme, Length = length };
        if (!isDryRun && !_reads.TryTake()) return facts;
        if (credential.Kind == CredentialKind.Jwt)
        {
            var said = CredentialFacts.OfJwt(scheme, credential.Text);
            var trusted = said?.Issuer is { } issuer ? foreign.Find(issuer)?.Issuer.Trusted : null;
            return (said ?? facts) with { Verified = caller is not null, IssuerExpected = trusted?.Issuer ?? mesh.Value.Issuer, AudienceExpected = [trusted?.Audience ?? mesh.Value.Audience] };
        }
        // Of a password nothing is said, not even the name beside it: people mistake the one field for the other.
        return caller is null ? facts : CredentialFacts.Of(kind, scheme, length, caller.Claims) with { Verified = true };
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.ExplanationFailed, LogLevel.Error, "A refusal could not be explained; it was answered all the same")]
        public static partial void Failed(ILogger logger, Exception exception);
    }
}

/// <summary>A request, and how far it came.</summary>
internal sealed record Attempt(HttpContext Http, Route? Route, Refusal? Refusal)
{
    public Exchange? Exchange { get; init; }

    /// <summary>The caller, when the one who asks knows him.</summary>
    public Caller? Caller { get; init; }

    /// <summary>The status of a service that answered in place of the gateway.</summary>
    public int? Answered { get; init; }

    public bool IsDryRun { get; init; }

    /// <summary>What is known of a credential that is described and not shown.</summary>
    public CredentialFacts? Facts { get; init; }

    /// <summary>The check before which a dry run ends.</summary>
    public string Ends { get; init; } = Check.Service;
}
