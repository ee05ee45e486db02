using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Hygiene;
using SecureMesh.Gateway.Passport;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Explain;

/// <summary>Judges a request as the gateway would, by the same guard, gate and policies; sends nothing and takes nothing from any limit.</summary>
internal sealed class DryRun(Explainer explainer, RequestGuard guard, RouteTable table, Gate gate, Identity identity, InstanceLists instances, IServiceScopeFactory scopes, IOptions<HygieneOptions> hygiene)
{
    private static readonly Refusal _noRoute = new(new Problem(404, "not_found", "Nothing is found at this address") { Reason = Reasons.NotFound }, "no route has this path and method");

    public async Task<Explanation> RunAsync(DryRunRequest request, IPAddress? address, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var http = Make(request, address, scope.ServiceProvider, cancellationToken);
        // 1. What the request is.
        if (guard.Fault(http) is { } problem) return Explain(http, null, new Refusal(problem with { Reason = problem.Reason ?? Reasons.Request }, problem.Detail));
        // 2. Which route it takes.
        if (table.Match.Find(http.Request.Method, http.Request.Path) is not { } route) return Explain(http, null, _noRoute);
        // 3. Who calls, and whether he may.
        Caller? caller = null;
        if (!route.Public)
        {
            var verdict = await gate.AdmitAsync(http, route);
            if (verdict.Refusal is { } refusal) return Explain(http, route, refusal);
            caller = verdict.Caller!;
            if (identity.Fault(caller, route) is { } unknown) return explainer.Explain(new Attempt(http, route, unknown.On(route)) { Caller = caller, IsDryRun = true });
        }
        // 4. Whether anybody is there.
        var nobody = Nobody(route) is { } why
            ? new Refusal(new Problem(503, "temporarily_unavailable", "The service cannot answer at the moment; try again later") { Reason = Reasons.Destination }, why)
            : null;
        return explainer.Explain(new Attempt(http, route, nobody) { Caller = caller, IsDryRun = true });
    }

    private string? Nobody(Route route)
    {
        if (instances.Find(route.Service) is not { } service) return $"no instance of {route.Service} is UP";
        var selection = service.For(route.Pins);
        return selection is { HasAny: true, IsOpen: false } ? null : selection.WhyNobody(route.Pins is not null);
    }

    /// <summary>The same for somebody who is described in place of shown: nobody is asked for anything, and no instance is looked for.</summary>
    public Explanation Suppose(TestedRequest request)
    {
        using var scope = scopes.CreateScope();
        var http = Make(new DryRunRequest(request.Method, request.Path, null, null), null, scope.ServiceProvider, CancellationToken.None);
        var attempt = new Attempt(http, null, null) { IsDryRun = true, Ends = Check.Destination };
        if (guard.Fault(http) is { } problem) return explainer.Explain(attempt with { Refusal = new Refusal(problem with { Reason = problem.Reason ?? Reasons.Request }, problem.Detail) });
        if (table.Match.Find(http.Request.Method, http.Request.Path) is not { } route) return explainer.Explain(attempt with { Refusal = _noRoute });
        attempt = attempt with { Route = route };
        if (route.Public) return explainer.Explain(attempt);
        if (request.Credential is not { } name) return explainer.Explain(attempt with { Refusal = Refusal.Missing });
        var kind = CredentialKinds.ByName.GetValueOrDefault(name, CredentialKind.Jwt);
        var caller = Supposed.Caller(kind, request.Claims);
        attempt = attempt with { Caller = caller, Facts = CredentialFacts.Of(name, null, 0, caller.Claims) with { Verified = true } };
        if (!route.Credentials.Contains(kind)) return explainer.Explain(attempt with { Refusal = Refusal.NotTaken($"the route takes {string.Join(", ", route.Credentials.Select(taken => taken.Name()))}, not {name}") });
        return explainer.Explain(attempt with { Refusal = route.Policy.Judge(caller) });
    }

    private Explanation Explain(HttpContext http, Route? route, Refusal refusal) => explainer.Explain(new Attempt(http, route, refusal) { IsDryRun = true });

    private DefaultHttpContext Make(DryRunRequest request, IPAddress? address, IServiceProvider services, CancellationToken cancellationToken)
    {
        var url = new Uri(hygiene.Value.Url);
        var http = new DefaultHttpContext { RequestServices = services, RequestAborted = cancellationToken, TraceIdentifier = System.Diagnostics.ActivityTraceId.CreateRandom().ToHexString() };
        var mark = request.Path.IndexOf('?', StringComparison.Ordinal);
        http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = request.Path;
        http.Request.Method = request.Method;
        http.Request.Protocol = HttpProtocol.Http11;
        http.Request.Scheme = url.Scheme;
        http.Request.Host = HostString.FromUriComponent(url);
        // What cannot be unescaped, the guard refuses by the target as it stands.
        http.Request.Path = new PathString(Uri.UnescapeDataString(mark < 0 ? request.Path : request.Path[..mark]));
        http.Request.QueryString = mark < 0 ? QueryString.Empty : new QueryString(request.Path[mark..]);
        http.Connection.RemoteIpAddress = address;
        if (request.Credential is { } credential) http.Request.Headers.Authorization = (request.Scheme ?? "Bearer") + " " + credential;
        return http;
    }
}

/// <summary>A caller who is described.</summary>
internal static class Supposed
{
    /// <summary>What every credential says is added where it is left out.</summary>
    public static Caller Caller(CredentialKind kind, JsonElement claims)
    {
        var all = new Dictionary<string, object> { ["sub"] = "somebody", ["client_id"] = "some-client" };
        if (claims.ValueKind == JsonValueKind.Object)
        {
            foreach (var claim in claims.EnumerateObject()) all[claim.Name] = claim.Value;
        }
        if (all["sub"] is JsonElement { ValueKind: not JsonValueKind.String }) all["sub"] = "somebody";
        if (all["client_id"] is JsonElement { ValueKind: not JsonValueKind.String }) all["client_id"] = "some-client";
        all["exp"] = 253_402_300_799;
        return Access.Caller.Of(kind, JsonSerializer.SerializeToElement(all), null, TimeSpan.Zero)!;
    }
}
