using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Hygiene;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Explain;

/// <summary>Judges a request as the gateway would, by the same guard, gate and policies; sends nothing and takes nothing from any limit.</summary>
internal sealed class DryRun(Explainer explainer, RequestGuard guard, RouteTable table, Gate gate, InstanceLists instances, IServiceScopeFactory scopes, IOptions<HygieneOptions> hygiene)
{
    private static readonly Refusal _noRoute = new(new Problem(404, "not_found", "Nothing is found at this address") { Reason = Reasons.NotFound }, "no route has this path and method");

    public async Task<Explanation> RunAsync(DryRunRequest request, IPAddress? address, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var http = Make(request, address, scope.ServiceProvider, cancellationToken);
        // 1. What the request is.
        if (guard.Fault(http) is { } problem) return Explain(http, null, new Refusal(problem with { Reason = problem.Reason ?? Reasons.Request }, problem.Detail));
        // 2. Which route it takes.
        if (RouteMatch.Find(table.Current, http.Request.Method, http.Request.Path) is not { } route) return Explain(http, null, _noRoute);
        // 3. Who calls, and whether he may.
        Caller? caller = null;
        if (!route.Public)
        {
            var verdict = gate.TryAdmit(http, route, out var known) ? known : await gate.AdmitAsync(http, route);
            if (verdict.Refusal is { } refusal) return Explain(http, route, refusal);
            caller = verdict.Caller;
        }
        // 4. Whether anybody is there.
        var nobody = instances.Of(route.Service).Length > 0 ? null
            : new Refusal(new Problem(503, "temporarily_unavailable", "The service cannot answer at the moment; try again later") { Reason = Reasons.Destination }, $"no instance of {route.Service} is UP");
        return explainer.Explain(new Attempt(http, route, nobody) { Caller = caller, IsDryRun = true });
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
