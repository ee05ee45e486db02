using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.AspNetCore.Routing.Template;

namespace SecureMesh.Gateway.Routes;

/// <summary>Which route a request takes, without a request: as the framework's router decides (tests compare the two).</summary>
internal sealed class RouteMatch
{
    private readonly (Route Route, TemplateMatcher Matcher)[] _inOrder;

    /// <summary>Takes the patterns apart once, for whoever asks often.</summary>
    public RouteMatch(IReadOnlyList<Route> routes)
    {
        Routes = routes;
        _inOrder = [.. InOrder(routes).Select(route => (route, new TemplateMatcher(Template(route), [])))];
    }

    public IReadOnlyList<Route> Routes { get; }

    /// <summary>The routes that requests with the path take: for each method the first.</summary>
    public IEnumerable<Route> Serving(PathString path)
    {
        var methods = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (route, matcher) in _inOrder)
        {
            if (!matcher.TryMatch(path, [])) continue;
            if (route.Methods.Count == 0)
            {
                yield return route;
                yield break;
            }
            var before = methods.Count;
            methods.UnionWith(route.Methods);
            if (methods.Count > before) yield return route;
        }
    }

    /// <summary>The routes in the order in which they are preferred.</summary>
    public static IReadOnlyList<Route> InOrder(IEnumerable<Route> routes) =>
        [.. routes.OrderBy(route => RoutePrecedence.ComputeInbound(Template(route))).ThenBy(route => route.Methods.Count == 0).ThenBy(route => route.Path, StringComparer.Ordinal)];

    /// <summary>The route of a request; null when there is none.</summary>
    public Route? Find(string method, PathString path) => WithPath(path).FirstOrDefault(route => Takes(route, method));

    /// <summary>The routes that have the path, whatever the method.</summary>
    public IEnumerable<Route> WithPath(PathString path) => _inOrder.Where(one => one.Matcher.TryMatch(path, [])).Select(one => one.Route);

    private static bool Takes(Route route, string method) => route.Methods.Count == 0 || route.Methods.Contains(method, StringComparer.OrdinalIgnoreCase);

    private static RouteTemplate Template(Route route) => new(RoutePatternFactory.Parse(route.Path));
}
