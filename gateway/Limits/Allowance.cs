using System.Globalization;

namespace SecureMesh.Gateway.Limits;

/// <summary>
/// Tells the caller on every answer of a route with limits, the service's and the gateway's own, how much he has left:
/// <c>RateLimit-Policy</c> and <c>RateLimit</c> of draft-ietf-httpapi-ratelimit-headers-10.
/// </summary>
internal sealed class Allowance
{
    private string? _left;

    private Allowance() { }

    public static Allowance Tell(HttpContext http, RouteLimits limits)
    {
        var allowance = new Allowance();
        http.Features.Set(allowance);
        // At the start of the answer, whoever gives it: what was written before is cleared when another instance is tried.
        http.Response.OnStarting(static state =>
        {
            var (response, allowance, policy) = ((HttpResponse, Allowance, string))state;
            response.Headers["RateLimit-Policy"] = policy;
            if (allowance._left is { } left) response.Headers["RateLimit"] = left;
            return Task.CompletedTask;
        }, (http.Response, allowance, limits.Policy));
        return allowance;
    }

    public void Add(CountedBy by, Taken taken)
    {
        // With none left it is the time that Retry-After says too, as the draft asks.
        var seconds = Math.Max(1, (long)Math.Ceiling(taken.Wait.TotalSeconds));
        var one = string.Create(CultureInfo.InvariantCulture, $"\"{Name(by)}\";r={taken.Left};t={seconds}");
        _left = _left is null ? one : _left + ", " + one;
    }

    /// <summary>How one limit stands in <c>RateLimit-Policy</c>.</summary>
    public static string Policy(CountedBy by, RateLimit limit) =>
        string.Create(CultureInfo.InvariantCulture, $"\"{Name(by)}\";q={limit.Requests};w={(long)limit.Period.TotalSeconds}");

    public static string Name(CountedBy by) => by switch
    {
        CountedBy.Address => "address",
        CountedBy.Subject => "subject",
        CountedBy.Client => "client",
        _ => "total",
    };
}
