using System.Security.Cryptography;
using System.Text;
using SecureMesh.Cli.Topology;
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
        var environment = ServiceEnvironment.Of(Mesh.Instances[2], Mesh, MeshSecrets.Generate(demo: true), Settings(true));

        Assert.Equal(
            """
            ASPNETCORE_URLS=http://127.0.0.1:9002
            MESH_AUTH_URL=http://127.0.0.1:9001
            MESH_GATEWAY_URL=http://localhost:9000
            MESH_REGISTRY_URL=http://127.0.0.1:9009/eureka/
            MESH__CLIENTSECRET=account-secret
            MESH__CONFIG__URL=http://127.0.0.1:9008
            MESH__DATA=/data/account-service
            MESH__DEMO=true
            MESH__SECRET=account-secret
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

    [Fact]
    public void Generated_secrets_differ_from_each_other_and_from_start_to_start()
    {
        var all = Enumerable.Range(0, 20).Select(_ => MeshSecrets.Generate(demo: false))
            .SelectMany(s => s.Services.Values.Concat(s.Clients.Values)).ToList();

        Assert.Equal(20 * 8, all.Distinct().Count());
        Assert.All(all, s => Assert.Matches("^[A-Za-z0-9_-]{43}$", s));
    }

    [Theory]
    [InlineData("MESH_DATABASE")]
    [InlineData("MESH_SECRET_GATEWAY")]
    [InlineData("MESH_ADMIN_HASH")]
    [InlineData("MESH__SECRET")]
    [InlineData("mesh__clientsecret")]
    [InlineData("MESH__DATABASE")]
    [InlineData("MESH__NAME")]
    [InlineData("AUTH__BOOTSTRAP__SECRETS__admin")]
    [InlineData("PGPASSWORD")]
    [InlineData("POSTGRES_PASSWORD")]
    [InlineData("ASPNETCORE_URLS")]
    [InlineData("URLS")]
    public void What_an_operators_shell_holds_of_secrets_and_addresses_reaches_no_service(string name)
    {
        var inherited = ServiceEnvironment.Inherited(new Dictionary<string, string> { [name] = "x", ["PATH"] = "/bin" });

        Assert.Equal(["PATH"], inherited.Keys);
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT")]
    [InlineData("MESH__REGISTRY__RENEWALINTERVAL")]
    [InlineData("GATEWAY__TLS__CERTIFICATE")]
    [InlineData("DOTNET_ROOT")]
    public void What_an_operator_sets_for_the_services_reaches_them(string name)
    {
        var inherited = ServiceEnvironment.Inherited(new Dictionary<string, string> { [name] = "x" });

        Assert.Equal([name], inherited.Keys);
    }

    private static MeshSettings Settings(bool demo, IReadOnlyDictionary<ServiceKind, string>? databases = null) =>
        new("/data", "/configuration", demo, databases ?? new Dictionary<ServiceKind, string>());

    private static IEnumerable<string> Bootstrap(Dictionary<string, string> environment) =>
        environment.Keys.Where(k => k.StartsWith("AUTH__BOOTSTRAP__SECRETS__", StringComparison.Ordinal)).Select(k => k[26..]).Order();

    private static string All(Dictionary<string, string> environment) =>
        string.Join('\n', environment.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Key}={e.Value}"));
}
