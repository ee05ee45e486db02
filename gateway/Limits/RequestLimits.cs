using System.Net;
using SecureMesh.Gateway.Access;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Limits;

/// <summary>
/// The limits of a route: that of the address before anything is looked at, those of subject, client and route once the caller
/// has been let in, so that nobody without a credential uses up what belongs to others.
/// </summary>
internal sealed class RequestLimits(TimeProvider time)
{
    /// <summary>Apart from the callers', because addresses are for everybody to have many of.</summary>
    private readonly TokenBuckets _addresses = new(time);

    private readonly TokenBuckets _callers = new(time);

    /// <summary>Before anybody is asked who he is.</summary>
    public Refusal? Refuse(HttpContext http, Route route)
    {
        var limits = route.Limits;
        if (limits.IsEmpty) return null;
        var allowance = Allowance.Tell(http, limits);
        if (limits.PerAddress is { } perAddress
            && Over(_addresses, BucketKey.OfAddress(route.Id, http.Connection.RemoteIpAddress ?? IPAddress.None), perAddress, allowance) is { } refusal) return refusal;
        return route.Public && limits.Total is { } total ? Over(_callers, BucketKey.OfAll(route.Id), total, allowance) : null;
    }

    /// <summary>Once the route's policy has let the caller in.</summary>
    public Refusal? Refuse(HttpContext http, Route route, Caller caller)
    {
        var limits = route.Limits;
        if (limits.IsEmpty) return null;
        var allowance = http.Features.Get<Allowance>();
        var zone = caller.Marks.ZoneId;
        if (limits.PerSubject is { } perSubject && Over(_callers, BucketKey.OfSubject(route.Id, zone, caller.Subject), perSubject, allowance) is { } ofSubject) return ofSubject;
        if (limits.PerClient is { } perClient && Over(_callers, BucketKey.OfClient(route.Id, zone, caller.ClientId), perClient, allowance) is { } ofClient) return ofClient;
        return limits.Total is { } total ? Over(_callers, BucketKey.OfAll(route.Id), total, allowance, "total of callers") : null;
    }

    private static Refusal? Over(TokenBuckets buckets, in BucketKey key, RateLimit limit, Allowance? allowance, string? who = null)
    {
        var taken = buckets.Take(key, limit);
        allowance?.Add(key.By, taken);
        return taken.Granted ? null : Refusal.Limited(taken.Wait, $"the {who ?? Allowance.Name(key.By)} exceeded the limit {limit} of route {key.Route}");
    }
}
