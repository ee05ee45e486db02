using System.Security.Cryptography;
using System.Text;
using SecureMesh.Cli.Topology;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Cli.Tests.Topology;

public sealed class EnvironmentTests
{
    private static readonly MeshTopology Mesh = MeshTopology.Plan(9000, InstanceCounts.One);

    [Fact]
    public void In_production_no_process_holds_the_secret_of_another()
    {
        var secrets = MeshSecrets.Generate(demo: false, MeshSecrets.Hash("the operator's"));
        var databases = new Dictionary<ServiceKind, string> { [ServiceKind.Auth] = "password-of-auth", [ServiceKind.Account] = "password-of-account" };
        var environments = Mesh.Instances.ToDictionary(i => i.Name, i => All(ServiceEnvironment.Of(i, Mesh, secrets, Settings(false, databases))));
        var owners = new Dictionary<string, string>();
        foreach (var (service, secret) in secrets.Services) owners[secret] = service;
        foreach (var (client, secret) in secrets.Clients) owners[secret] = client == "web" ? "gateway" : client;
        owners["password-of-auth"] = "auth-service";
        owners["password-of-account"] = "account-service";

        Assert.Equal(5 + 3 + 2, owners.Count);
        foreach (var (secret, owner) in owners)
            Assert.Equal([owner], environments.Where(e => e.Value.Contains(secret, StringComparison.Ordinal)).Select(e => e.Key));
        Assert.DoesNotContain(environments.Values, e => e.Contains("the operator's", StringComparison.Ordinal));
    }

    [Fact]
    public void The_account_service_of_the_demo_finds_what_it_needs()
    {
        var secrets = MeshSecrets.Generate(demo: true);
        var environment = ServiceEnvironment.Of(Mesh.Instances[2], Mesh, secrets, Settings(true));

        Assert.Matches("^[A-Za-z0-9_-]{43}$", secrets.Services["account-service"]);
        Assert.Equal(
            $"""
            ASPNETCORE_URLS=http://127.0.0.1:9002
            MESH_AUTH_URL=http://127.0.0.1:9001
            MESH_GATEWAY_URL=http://localhost:9000
            MESH_REGISTRY_URL=http://127.0.0.1:9009/eureka/
            MESH__AUTH__URL=http://127.0.0.1:9001
            MESH__CLIENTSECRET=account-secret
            MESH__CONFIG__URL=http://127.0.0.1:9008
            MESH__DATA=/data/account-service
            MESH__DEMO=true
            MESH__SECRET={secrets.Services["account-service"]}
            """,
            All(environment));
    }

    [Fact]
    public void The_token_service_gets_hashes_of_the_generated_client_secrets_and_not_the_secrets()
    {
        var demo = ServiceEnvironment.Of(Mesh.Instances[1], Mesh, MeshSecrets.Generate(demo: true), Settings(true));
        var secrets = MeshSecrets.Generate(demo: false, "0123");
        var production = ServiceEnvironment.Of(Mesh.Instances[1], Mesh, secrets, Settings(false));

        Assert.Equal(["gateway"], Bootstrap(demo));
        Assert.Equal(["account-service", "admin", "gateway", "web"], Bootstrap(production));
        Assert.Equal("0123", production["AUTH__BOOTSTRAP__SECRETS__admin"]);
        Assert.Equal(
            Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(secrets.Clients["web"]))),
            production["AUTH__BOOTSTRAP__SECRETS__web"]);
    }

    [Theory]
    [InlineData("config")]
    [InlineData("registry")]
    public void Those_who_check_credentials_know_all_five_by_hash(string name)
    {
        var secrets = MeshSecrets.Generate(demo: false);
        var environment = ServiceEnvironment.Of(Mesh.Instances.Single(i => i.Name == name), Mesh, secrets, Settings(false));

        var known = environment["MESH__CREDENTIALS"].Split(',').Select(c => c.Split(':')).ToDictionary(c => c[0], c => c[1]);

        Assert.Equal(["account-service", "auth-service", "config", "gateway", "registry"], known.Keys.Order());
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(secrets.Services["gateway"]))), known["gateway"]);
    }

    [Theory]
    [InlineData("MESH__CREDENTIALS")]
    [InlineData("Mesh:Credentials")]
    [InlineData("ASPNETCORE_mesh__credentials")]
    public void Those_who_check_credentials_know_the_operators_services_too(string variable)
    {
        var secrets = MeshSecrets.Generate(demo: false);

        string? Known(string name, string others) =>
            ServiceEnvironment.Of(Mesh.Instances.Single(i => i.Name == name), Mesh, secrets,
                Settings(false) with { OtherCredentials = ServiceEnvironment.OtherCredentials(new Dictionary<string, string> { ["PATH"] = "/bin", [variable] = others }) })
            .GetValueOrDefault("MESH__CREDENTIALS");

        Assert.Equal("greeting-service:abc," + secrets.Credentials, Known("config", "greeting-service:abc"));
        Assert.Equal("greeting-service:abc," + secrets.Credentials, Known("registry", "greeting-service:abc"));
        Assert.Equal(secrets.Credentials, Known("registry", " "));
        Assert.Null(Known("account-service", "greeting-service:abc"));
    }

    [Fact]
    public void Generated_secrets_differ_from_each_other_and_from_start_to_start()
    {
        var all = Enumerable.Range(0, 20).Select(_ => MeshSecrets.Generate(demo: false))
            .SelectMany(s => s.Services.Values.Concat(s.Clients.Values)).ToList();

        Assert.Equal(20 * 8, all.Distinct().Count());
        Assert.All(all, s => Assert.Matches("^[A-Za-z0-9_-]{43}$", s));
    }

    [Fact]
    public void Every_service_has_the_address_of_the_token_service_from_the_supervisor()
    {
        var mesh = MeshTopology.Plan(9000, InstanceCounts.Parse("auth=2", out _)!, _ => true);

        Assert.All(mesh.Instances, i => Assert.Equal(
            "http://127.0.0.1:9001,http://127.0.0.1:9010", ServiceEnvironment.Of(i, mesh, MeshSecrets.Generate(demo: true), Settings(true))["MESH__AUTH__URL"]));
    }

    [Theory]
    [InlineData("MESH_DATABASE")]
    [InlineData("MESH_SECRET_GATEWAY")]
    [InlineData("MESH_SEALING_KEY")]
    [InlineData("MESH_ADMIN_HASH")]
    [InlineData("mesh__clientsecret")]
    [InlineData("MESH:SECRET")]
    [InlineData("DOTNET_MESH__SECRET")]
    [InlineData("mesh__auth__url")]
    [InlineData("MESH__NAME")]
    [InlineData("AUTH__BOOTSTRAP__SECRETS__admin")]
    [InlineData("PGPASSWORD")]
    [InlineData("POSTGRES_PASSWORD")]
    [InlineData("gateway:h2c:url")]
    [InlineData("URLS")]
    [InlineData("DOTNET_HTTP_PORTS")]
    public void What_an_operators_shell_holds_of_secrets_and_addresses_reaches_no_service(string name) => Assert.Empty(Reached(name));

    [Theory]
    [InlineData("DOTNET_ROOT", "gateway auth account config discovery")]
    [InlineData("PATH", "gateway auth account config discovery")]
    [InlineData("MESH__REGISTRY__RENEWALINTERVAL", "gateway auth account config discovery")]
    [InlineData("auth__keys__sealingkey", "auth")]
    [InlineData("AUTH:KEYS:SEALINGKEY", "auth")]
    [InlineData("ASPNETCORE_AUTH__KEYS__SEALINGKEY", "auth")]
    [InlineData("ACCOUNT__REGISTRATION__PERMINUTE", "account")]
    [InlineData("CONFIG__GIT__PASSWORD", "config")]
    [InlineData("REGISTRY__MAXINSTANCES", "discovery")]
    public void What_an_operator_sets_reaches_the_services_it_belongs_to(string name, string services) => Assert.Equal(services.Split(' '), Reached(name));

    [Fact]
    public void The_variables_of_the_documentation_reach_the_services_that_it_names_unless_the_supervisor_decides()
    {
        string[] decided =
        [
            "ASPNETCORE_URLS", "MESH__SECRET", "MESH__CLIENTSECRET", "MESH__CONFIG__URL", "MESH__AUTH__URL", "MESH__DATA", "MESH__DATABASE", "MESH__DEMO",
            "MESH__CREDENTIALS", "AUTH__BOOTSTRAP__SECRETS__<client>", "CONFIG__REPOSITORY", "GATEWAY__H2C__URL", "MESH_GATEWAY_URL", "MESH_AUTH_URL", "MESH_REGISTRY_URL",
        ];
        var documented = Documented();

        Assert.Contains(documented, d => d.Name == "AUTH__KEYS__SEALINGKEY");
        Assert.Empty(decided.Except(documented.Select(d => d.Name)));
        foreach (var (name, services) in documented)
        {
            string[] expected = decided.Contains(name) ? [] : services == "all" ? ["gateway", "auth", "account", "config", "discovery"] : services.Split(", ");
            Assert.Equal((name, string.Join(' ', expected)), (name, string.Join(' ', Reached(name))));
        }
    }

    /// <summary>The table of variables in docs/operations.md.</summary>
    private static List<(string Name, string Services)> Documented()
    {
        return [.. File.ReadAllLines(Path.Combine(Checkout.Root, "docs", "operations.md"))
            .SkipWhile(line => !line.StartsWith("| variable | service |", StringComparison.Ordinal)).Skip(2)
            .TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .SelectMany(cells => cells[1].Split(", ").Select(name => (name.Trim('`'), cells[2])))];
    }

    private static IEnumerable<string> Reached(string name) => ServiceKind.All
        .Where(kind => ServiceEnvironment.Inherited(new Dictionary<string, string> { [name] = "x" }, kind).ContainsKey(name)).Select(kind => kind.Name);

    private static MeshSettings Settings(bool demo, IReadOnlyDictionary<ServiceKind, string>? databases = null) =>
        new("/data", "/configuration", demo, databases ?? new Dictionary<ServiceKind, string>());

    private static IEnumerable<string> Bootstrap(Dictionary<string, string> environment) =>
        environment.Keys.Where(k => k.StartsWith("AUTH__BOOTSTRAP__SECRETS__", StringComparison.Ordinal)).Select(k => k[26..]).Order();

    private static string All(Dictionary<string, string> environment) =>
        string.Join('\n', environment.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Key}={e.Value}"));
}
