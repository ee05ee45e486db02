using System.Collections;
using System.Text.RegularExpressions;

namespace SecureMesh.Cli.Topology;

/// <summary>What does not differ between the processes of one run.</summary>
internal sealed record MeshSettings(string Data, string Config, bool Demo, IReadOnlyDictionary<ServiceKind, string> Databases);

/// <summary>The environment of each process. Each holds its own secrets and nobody else's.</summary>
internal static partial class ServiceEnvironment
{
    public static Dictionary<string, string> Of(MeshInstance instance, MeshTopology topology, MeshSecrets secrets, MeshSettings settings)
    {
        var wireName = instance.Kind.WireName;
        var environment = new Dictionary<string, string>
        {
            ["ASPNETCORE_URLS"] = instance.Url,
            ["MESH__SECRET"] = secrets.Services[wireName],
            ["MESH__CONFIG__URL"] = topology.ConfigUrl,
            ["MESH__DATA"] = Path.Combine(settings.Data, wireName),
            ["MESH__DEMO"] = settings.Demo ? "true" : "false",
            ["MESH_GATEWAY_URL"] = topology.GatewayUrl,
            ["MESH_AUTH_URL"] = topology.AuthUrls,
            ["MESH_REGISTRY_URL"] = topology.RegistryUrl,
        };
        if (secrets.Clients.TryGetValue(wireName, out var clientSecret)) environment["MESH__CLIENTSECRET"] = clientSecret;
        if (settings.Databases.TryGetValue(instance.Kind, out var database)) environment["MESH__DATABASE"] = database;
        if (instance.Kind == ServiceKind.Config)
        {
            environment["CONFIG__REPOSITORY"] = settings.Config;
            // It cannot ask itself for what application.yml tells the others.
            environment["MESH__ISSUER"] = topology.Issuer;
            environment["MESH__AUTH__URL"] = topology.AuthUrls;
            environment["MESH__REGISTRY__URL"] = topology.RegistryUrl;
        }

        if (instance.Kind == ServiceKind.Gateway) environment["GATEWAY__BROWSER__CLIENTSECRET"] = secrets.Clients[MeshSecrets.Web];
        if (instance.Kind == ServiceKind.Config || instance.Kind == ServiceKind.Discovery) environment["MESH__CREDENTIALS"] = secrets.Credentials;
        if (instance.Kind == ServiceKind.Auth)
            foreach (var (client, hash) in secrets.Bootstrap) environment["AUTH__BOOTSTRAP__SECRETS__" + client] = hash;
        return environment;
    }

    /// <summary>
    /// What a process takes over from the operator's shell: all but what the supervisor decides and what would hand one
    /// service the secrets of another or of the database's administrator (MESH_DATABASE, a sourced .env, PGPASSWORD).
    /// </summary>
    public static Dictionary<string, string> Inherited(IDictionary operators)
    {
        var inherited = new Dictionary<string, string>();
        foreach (DictionaryEntry entry in operators)
            if (entry.Key is string name && entry.Value is string value && !Withheld().IsMatch(name)) inherited[name] = value;
        return inherited;
    }

    [GeneratedRegex(
        "^(MESH_[^_].*|MESH__(SECRET|CLIENTSECRET|DATABASE|CREDENTIALS|DATA|DEMO|NAME|CONFIG__URL)|AUTH__BOOTSTRAP__.*|CONFIG__REPOSITORY"
        + "|GATEWAY__BROWSER__CLIENTSECRET|PG.*|POSTGRES_.*|ASPNETCORE_(HTTP_PORTS|HTTPS_PORTS|URLS)|URLS|HTTP_PORTS|HTTPS_PORTS"
        + "|DOTNET_(URLS|HTTP_PORTS|HTTPS_PORTS))$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Withheld();
}
