using System.Net;
using SecureMesh.Gateway.Access;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Limits;

/// <summary>The token buckets of a route: those that need no credential first, those of subject and client once they are known.</summary>
internal sealed class RequestLimits(TokenBuckets buckets)
{
    public Refusal? Refuse(HttpContext http, Route route)
    {
        var limits = route.Limits;
        if (limits.PerAddress is { } perAddress && buckets.Take(route.Id, perAddress, http.Connection.RemoteIpAddress ?? IPAddress.None) is var wait && wait > TimeSpan.Zero)
            return Refusal.Limited(wait, $"the address exceeded the limit {perAddress.Requests} of route {route.Id}");
        return null;
    }

    public Refusal? Refuse(Route route, Caller caller) => null;
}
