using Microsoft.Extensions.Primitives;
using SecureMesh.Gateway.Access.Dpop;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Access;

/// <summary>Who calls, and whether the route lets him in.</summary>
internal sealed class Gate(Credentials credentials, Constraint constraint, Online online, ITokenRevocations revocations)
{
    /// <summary>What a critical route answers while nobody tells what was revoked.</summary>
    public static readonly Refusal Deaf = Refusal.Unavailable(TimeSpan.FromSeconds(2), "the revocation feed is cut for longer than the route's criticalAfter");

    /// <summary>Decides. Almost every request shows a token that is known, on a route where nobody is asked about it.</summary>
    public ValueTask<Verdict> AdmitAsync(HttpContext http, Route route) => Known(http, route) is { } caller ? new(Judge(caller, route)) : AskAsync(http, route);

    /// <summary>
    /// Whether what somebody has opened may go on, where no feed tells: his credential is looked at as if he showed it again, apart
    /// from the proof that belongs to his request.
    /// </summary>
    /// <param name="authorization">What he showed.</param>
    /// <param name="route">Where.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Why not; null when nothing speaks against it.</returns>
    public async ValueTask<Refusal?> FaultAsync(StringValues authorization, Route route, CancellationToken cancellationToken)
    {
        if (Presented.Read(authorization, out var unread) is not { } shown) return unread;
        var verdict = await credentials.CheckAsync(shown, null, cancellationToken);
        if (verdict.Caller is not { } caller) return verdict.Refusal;
        return (route.Online && !revocations.IsCurrent) || AsksInstead(route, caller)
            ? await online.FaultAsync(caller.Token ?? shown.Text, shown.Kind, mayBeMomentsOld: true, cancellationToken)
            : null;
    }

    /// <summary>True when nobody has told for too long what was revoked, and the route rather refuses than goes on.</summary>
    public bool IsDeaf(Route route) => route.Revocation == WhenFeedIsCut.Critical && revocations.CutFor > route.CriticalAfter;

    /// <summary>Who shows a bearer token that was found good before, and nothing beside it; null when there is more to look at.</summary>
    private Caller? Known(HttpContext http, Route route) =>
        !route.Online && HearsEnough(route)
        && Presented.TryBearer(http.Request.Headers.Authorization, out var kind, out var text)
        && credentials.Find(kind, text) is { Bound: null } caller
        && Beside(http, CredentialScheme.Bearer) is null ? caller : null;

    private async ValueTask<Verdict> AskAsync(HttpContext http, Route route)
    {
        // 1. What is shown, and whether this route takes its like.
        if (Read(http, route, out var shown) is { } refusal) return refusal.On(route);
        // 2. While nobody tells what was revoked, some routes rather refuse.
        if (IsDeaf(route)) return Deaf;
        // 3. Whose it is.
        var verdict = await credentials.CheckAsync(shown, http.Connection.RemoteIpAddress, http.RequestAborted);
        if (verdict.Caller is not { } caller) return verdict.Refusal!.On(route);
        // 4. Whether he who shows it may: a bound one needs the proof of its key.
        if (constraint.Fault(http, shown, caller) is { } unproven) return unproven.On(route);
        // 5. Whether auth, asked now, still stands by it.
        if (route.Online || AsksInstead(route, caller))
        {
            if (await online.FaultAsync(caller.Token ?? shown.Text, shown.Kind, mayBeMomentsOld: !route.Online, http.RequestAborted) is { } gone) return gone.On(route);
        }
        // 6. Whether the route is for him.
        return Judge(caller, route);
    }

    private bool HearsEnough(Route route) => route.Revocation switch
    {
        WhenFeedIsCut.Open => true,
        WhenFeedIsCut.Critical => !IsDeaf(route),
        _ => revocations.IsCurrent,
    };

    private bool AsksInstead(Route route, Caller caller) =>
        route.Revocation == WhenFeedIsCut.Normal && !revocations.IsCurrent && caller.Credential != CredentialKind.Foreign;

    private static Verdict Judge(Caller caller, Route route)
    {
        // A signed token may be that of another issuer; who signed it is known only now.
        if (!Takes(route, caller.Credential)) return NotTaken(route, caller.Credential).On(route);
        return route.Policy.Judge(caller) is { } refusal ? refusal : caller;
    }

    private static Refusal? Read(HttpContext http, Route route, out Presented shown)
    {
        shown = default;
        if (Presented.Read(http.Request.Headers.Authorization, out var refusal) is not { } credential) return refusal ?? Refusal.Missing;
        shown = credential;
        if (Beside(http, credential.Scheme) is { } conflict) return conflict;
        return Takes(route, credential.Kind) || (credential.Kind == CredentialKind.Jwt && Takes(route, CredentialKind.Foreign)) ? null : NotTaken(route, credential.Kind);
    }

    /// <summary>Why what stands beside the credential spoils it.</summary>
    private static Refusal? Beside(HttpContext http, CredentialScheme scheme)
    {
        // RFC 6750 §2: one method only. Alone a token in the query is none at all.
        if (MayHoldToken(http.Request.QueryString.Value) && http.Request.Query.ContainsKey("access_token")) return Refusal.Conflict("a second credential stands in the query");
        // A proof that goes with nothing: whoever sends it believes that it protects him.
        return scheme != CredentialScheme.Dpop && http.Request.Headers.ContainsKey(Constraint.Header) ? Refusal.Proof("a DPoP header beside another scheme than DPoP") : null;
    }

    private static Refusal NotTaken(Route route, CredentialKind shown) =>
        Refusal.NotTaken($"the route takes {string.Join(", ", route.Credentials.Select(kind => kind.Name()))}, not {shown.Name()}");

    /// <summary>Queries are taken apart only when the name can stand in them, plain or encoded.</summary>
    private static bool MayHoldToken(string? query) =>
        query is { Length: > 0 } && (query.Contains('%', StringComparison.Ordinal) || query.Contains("access_token", StringComparison.OrdinalIgnoreCase));

    private static bool Takes(Route route, CredentialKind kind)
    {
        for (var i = 0; i < route.Credentials.Count; i++)
        {
            if (route.Credentials[i] == kind) return true;
        }
        return false;
    }
}
