using System.Collections;
using System.Text.RegularExpressions;

namespace SecureMesh.Cli.Topology;

/// <summary>What does not differ between the processes of one run.</summary>
internal sealed record MeshSettings(string Data, string Config, bool Demo, IReadOnlyDictionary<ServiceKind, string> Databases)
{
    /// <summary>Whom config and discovery know beside the mesh's own services: the operator's <c>MESH__CREDENTIALS</c>.</summary>
    public string? OtherCredentials { get; init; }
}

/// <summary>The environment of each process. Each holds its own secrets and nobody else's.</summary>
internal static partial class ServiceEnvironment
{
    private static readonly (string Prefix, ServiceKind Kind)[] Owners =
    [
        ("GATEWAY__", ServiceKind.Gateway), ("AUTH__", ServiceKind.Auth), ("ACCOUNT__", ServiceKind.Account),
        ("CONFIG__", ServiceKind.Config), ("REGISTRY__", ServiceKind.Discovery),
    ];

    public static Dictionary<string, string> Of(MeshInstance instance, MeshTopology topology, MeshSecrets secrets, MeshSettings settings)
    {
        var wireName = instance.Kind.WireName;
        var environment = new Dictionary<string, string>
        {
            ["ASPNETCORE_URLS"] = instance.Url,
            ["MESH__SECRET"] = secrets.Services[wireName],
            ["MESH__CONFIG__URL"] = topology.ConfigUrl,
            // Where the client secret is sent: from here and not from the configuration server, whose word the environment overrules.
            ["MESH__AUTH__URL"] = topology.AuthUrls,
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
            environment["MESH__REGISTRY__URL"] = topology.RegistryUrl;
        }

        if (instance.Kind == ServiceKind.Gateway) environment["GATEWAY__BROWSER__CLIENTSECRET"] = secrets.Clients[MeshSecrets.Web];
        if (instance.H2cUrl is { } h2c) environment["GATEWAY__H2C__URL"] = h2c;
        if (instance.Kind == ServiceKind.Config || instance.Kind == ServiceKind.Discovery) environment["MESH__CREDENTIALS"] = Joined(secrets.Credentials, settings.OtherCredentials);
        if (instance.Kind == ServiceKind.Auth)
            foreach (var (client, hash) in secrets.Bootstrap) environment["AUTH__BOOTSTRAP__SECRETS__" + client] = hash;
        return environment;
    }

    /// <summary>
    /// What a process takes over from the operator's shell: all but what the supervisor decides, what belongs to another
    /// service (AUTH__KEYS__SEALINGKEY opens every signing key), and what would hand it the secrets of another or of the
    /// database's administrator (MESH_DATABASE, a sourced .env, PGPASSWORD).
    /// </summary>
    public static Dictionary<string, string> Inherited(IDictionary operators, ServiceKind kind)
    {
        var inherited = new Dictionary<string, string>();
        foreach (DictionaryEntry entry in operators)
        {
            if (entry.Key is not string name || entry.Value is not string value) continue;
            var setting = Setting(name);
            if (Withheld().IsMatch(setting) || Administrators().IsMatch(name) || Owner(setting) is { } owner && owner != kind) continue;
            inherited[name] = value;
        }

        return inherited;
    }

    /// <summary>The operator's <c>MESH__CREDENTIALS</c>; null when there is none.</summary>
    public static string? OtherCredentials(IDictionary operators) => Find(operators, "MESH__CREDENTIALS");

    /// <summary>The operator's <c>GATEWAY__H2C__URL</c>; null when there is none.</summary>
    public static string? H2cUrl(IDictionary operators) => Find(operators, "GATEWAY__H2C__URL");

    /// <summary>However .NET would let the variable be written.</summary>
    private static string? Find(IDictionary operators, string setting) => operators.Keys.OfType<string>()
        .Where(name => Setting(name).Equals(setting, StringComparison.OrdinalIgnoreCase))
        .Select(name => operators[name] as string).FirstOrDefault(value => !string.IsNullOrWhiteSpace(value));

    // The operator's first: a complaint about the second entry is about his second.
    private static string Joined(string own, string? others) => others is null ? own : others + "," + own;

    /// <summary>A variable as .NET reads it: a colon is the same as two underscores, and the host's prefixes are cut off.</summary>
    private static string Setting(string name)
    {
        foreach (var prefix in new[] { "ASPNETCORE_", "DOTNET_" })
            if (name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)) name = name[prefix.Length..];
        return name.Replace(":", "__", StringComparison.Ordinal);
    }

    private static ServiceKind? Owner(string setting)
    {
        foreach (var (prefix, kind) in Owners)
            if (setting.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)) return kind;
        return null;
    }

    [GeneratedRegex(
        "^(MESH__(SECRET|CLIENTSECRET|DATABASE|CREDENTIALS|DATA|DEMO|NAME|CONFIG__URL|AUTH__URL)|AUTH__BOOTSTRAP__.*|CONFIG__REPOSITORY"
        + "|GATEWAY__BROWSER__CLIENTSECRET|GATEWAY__H2C__URL|URLS|HTTP_PORTS|HTTPS_PORTS)$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Withheld();

    [GeneratedRegex("^(MESH_[^_].*|PG.*|POSTGRES_.*)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Administrators();
}
