using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Access;

/// <summary>Who calls, and whether the route lets him in.</summary>
internal sealed class Gate(Credentials credentials, Online online, ITokenRevocations revocations)
{
    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(2);

    /// <summary>Decides about a credential that is known, without waiting for anybody.</summary>
    /// <returns>False when somebody must be asked first.</returns>
    public bool TryAdmit(HttpContext http, Route route, out Verdict verdict)
    {
        if (Read(http, route, out var shown) is { } refusal)
        {
            verdict = refusal;
            return true;
        }
        verdict = default;
        if (route.Online || shown.Scheme == CredentialScheme.Dpop || (route.Revocation != WhenFeedIsCut.Open && !revocations.IsCurrent)) return false;
        if (credentials.Find(CredentialKey.Of(shown.Kind, shown.Text)) is not { } caller || caller.Bound is not null) return false;
        verdict = Judge(caller, route);
        return true;
    }

    /// <summary>Decides, whoever has to be asked.</summary>
    public async ValueTask<Verdict> AdmitAsync(HttpContext http, Route route)
    {
        // 1. What is shown, and whether this route takes its like.
        if (Read(http, route, out var shown) is { } refusal) return refusal;
        // 2. While nobody tells what was revoked, some routes rather refuse.
        if (route.Revocation == WhenFeedIsCut.Critical && revocations.Silence > route.CriticalAfter)
            return Refusal.Unavailable(_soon, "the revocation feed is cut for longer than the route's criticalAfter");
        // 3. Whose it is.
        var verdict = await credentials.CheckAsync(shown, CredentialKey.Of(shown.Kind, shown.Text), http.Connection.RemoteIpAddress, http.RequestAborted);
        if (verdict.Caller is not { } caller) return verdict;
        // 4. Whether he who shows it may: a bound one needs the proof of its key.
        if (Constraint.Fault(http, shown, caller) is { } unproven) return unproven;
        // 5. Whether auth, asked now, still stands by it.
        if (route.Online || (route.Revocation == WhenFeedIsCut.Normal && !revocations.IsCurrent))
        {
            if (await online.FaultAsync(shown, mayBeMomentsOld: !route.Online, http.RequestAborted) is { } gone) return gone;
        }
        // 6. Whether the route is for him.
        return Judge(caller, route);
    }

    private static Verdict Judge(Caller caller, Route route) => route.Policy.Judge(caller) is { } refusal ? refusal : caller;

    private static Refusal? Read(HttpContext http, Route route, out Presented shown)
    {
        shown = default;
        if (Presented.Read(http.Request.Headers.Authorization, out var refusal) is not { } credential) return refusal ?? Refusal.Missing;
        shown = credential;
        // RFC 6750 §2: one method only. Alone a token in the query is none at all.
        if (http.Request.QueryString.HasValue && http.Request.Query.ContainsKey("access_token")) return Refusal.Conflict("a second credential stands in the query");
        return Takes(route, credential.Kind) ? null : Refusal.NotTaken($"the route takes {string.Join(", ", route.Credentials.Select(kind => kind.Name()))}, not {credential.Kind.Name()}");
    }

    private static bool Takes(Route route, CredentialKind kind)
    {
        for (var i = 0; i < route.Credentials.Count; i++)
        {
            if (route.Credentials[i] == kind) return true;
        }
        return false;
    }
}
