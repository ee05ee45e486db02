using SecureMesh.Discovery.Access;
using SecureMesh.Discovery.Registry;
using SecureMesh.Discovery.Wire;

namespace SecureMesh.Discovery.Apps;

/// <summary>Operations 6 to 10: one application, one instance, the instances of a VIP address.</summary>
internal sealed class LookupEndpoint(LeaseRegistry registry)
{
    public Task ApplicationAsync(HttpContext http)
    {
        var name = Route.App(http).ToUpperInvariant();
        var instances = registry.Current.App(name).ToArray();
        if (instances.Length == 0) return Answer.Empty(http, StatusCodes.Status404NotFound);
        var json = Negotiation.ListAsJson(http.Request);
        return Answer.Bytes(http, json, json
            ? Render.Json(writer => JsonAnswer.OneApplication(writer, name, instances))
            : Render.Xml(writer => XmlAnswer.OneApplication(writer, name, instances)));
    }

    public Task InstanceAsync(HttpContext http) => OneAsync(http, Route.Key(http, registry) is { } key ? registry.Find(key) : null);

    public Task InstanceByIdAsync(HttpContext http)
    {
        var id = Route.Value(http, "id");
        var known = registry.Current.Instances.FirstOrDefault(instance => instance.Id == id);
        return OneAsync(http, known is null ? null : registry.Find(known.Key));
    }

    public Task VipAsync(HttpContext http) => ByVipAsync(http, instance => instance.VipAddress);

    public Task SecureVipAsync(HttpContext http) => ByVipAsync(http, instance => instance.SecureVipAddress);

    private static Task OneAsync(HttpContext http, Instance? instance)
    {
        if (instance is null) return Answer.Empty(http, StatusCodes.Status404NotFound);
        var json = Negotiation.OneAsJson(http.Request);
        return Answer.Bytes(http, json, json
            ? Render.Json(writer => JsonAnswer.OneInstance(writer, instance))
            : Render.Xml(writer => XmlAnswer.OneInstance(writer, instance)));
    }

    /// <summary>An unknown VIP is an empty list: clients take 404 for a broken server.</summary>
    private Task ByVipAsync(HttpContext http, Func<Instance, string?> vips)
    {
        var wanted = Route.Value(http, "vip").Trim();
        var found = registry.Current.Instances
            .Where(instance => Names.Split(vips(instance)).Contains(wanted, StringComparer.OrdinalIgnoreCase))
            .GroupBy(instance => instance.App, StringComparer.Ordinal)
            .Select(app => KeyValuePair.Create(app.Key, app.AsEnumerable()))
            .ToArray();
        var json = Negotiation.ListAsJson(http.Request);
        var hash = RegistryState.HashOf(found.SelectMany(app => app.Value));
        return Answer.Bytes(http, json, Render.Applications(json, "-1", hash, found));
    }
}
