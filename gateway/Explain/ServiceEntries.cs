using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Passport;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Explain;

/// <summary>Asks the instances of a service what they know of a request, in the administrator's name and with a passport for that service alone.</summary>
internal sealed class ServiceEntries(IHttpClientFactory clients, InstanceLists instances, PassportMint mint, PassportAnnouncer announcer, LastGood<MeshOptions> mesh)
{
    public const string Client = "SecureMesh.Why";

    /// <summary>It judges every credential itself and takes no passport; it is asked at its configured address, with the administrator's own token.</summary>
    private const string TokenService = "auth-service";

    private const int MostInstances = 16;

    public async Task<(IReadOnlyList<AskedInstance> Asked, IReadOnlyList<JsonElement> Told)> AskAsync(HttpContext http, Caller admin, string service, string id)
    {
        var addresses = service == TokenService
            ? [.. mesh.Value.Auth.Url.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(url => (Name: url, Prefix: url.TrimEnd('/')))]
            : instances.Of(service).Take(MostInstances).Select(instance => (Name: instance.Id, instance.Prefix)).ToArray();
        if (Authorization(http, admin, service) is not { } authorization) return ([.. addresses.Select(address => new AskedInstance(service, address.Name, "not asked: no passport can be made now"))], []);
        var answers = await Task.WhenAll(addresses.Select(address => AskAsync(service, address.Name, address.Prefix, id, authorization, http.RequestAborted)));
        return ([.. answers.Select(answer => answer.Asked)], [.. answers.SelectMany(answer => answer.Told)]);
    }

    private AuthenticationHeaderValue? Authorization(HttpContext http, Caller admin, string service)
    {
        if (service == TokenService) return AuthenticationHeaderValue.Parse(http.Request.Headers.Authorization.ToString());
        if (!announcer.IsAnnounced) return null;
        var route = new Route("why", "/actuator/why", service) { Policy = WhyEndpoint.Policy.Policy };
        return AuthenticationHeaderValue.Parse(mint.For(admin, route));
    }

    private async Task<(AskedInstance Asked, IReadOnlyList<JsonElement> Told)> AskAsync(string service, string name, string prefix, string id, AuthenticationHeaderValue authorization, CancellationToken cancellationToken)
    {
        try
        {
            using var client = clients.CreateClient(Client);
            using var request = new HttpRequestMessage(HttpMethod.Get, $"{prefix}/actuator/why/{id}");
            request.Headers.Authorization = authorization;
            using var answer = await client.SendAsync(request, cancellationToken);
            if (answer.StatusCode == HttpStatusCode.NotFound) return (new AskedInstance(service, name, "nothing known"), []);
            if (!answer.IsSuccessStatusCode) return (new AskedInstance(service, name, $"answered {(int)answer.StatusCode}"), []);
            using var body = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(cancellationToken));
            var told = body.RootElement.GetProperty("entries").EnumerateArray().Select(entry => entry.Clone()).ToList();
            return (new AskedInstance(service, name, "explained"), told);
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or IOException or InvalidOperationException or KeyNotFoundException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return (new AskedInstance(service, name, $"did not answer ({e.GetType().Name})"), []);
        }
    }
}
