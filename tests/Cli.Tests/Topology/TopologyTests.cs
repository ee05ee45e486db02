using SecureMesh.Cli.Topology;
using Xunit;

namespace SecureMesh.Cli.Tests.Topology;

public sealed class TopologyTests
{
    [Fact]
    public void Without_options_every_service_has_the_port_of_the_documentation()
    {
        var mesh = MeshTopology.Plan(null, InstanceCounts.One);

        Assert.Equal(
            ["gateway 8080", "auth-service 8081", "account-service 8082", "config 8888", "registry 8761"],
            mesh.Instances.Select(i => $"{i.Name} {i.Port}"));
        Assert.Equal("http://localhost:8080", mesh.GatewayUrl);
        Assert.Equal("http://localhost:8080/uaa/oauth/token", mesh.Issuer);
    }

    [Fact]
    public void A_port_base_moves_all_of_them_and_what_follows_from_them()
    {
        var mesh = MeshTopology.Plan(9000, InstanceCounts.One);

        Assert.Equal([9000, 9001, 9002, 9008, 9009], mesh.Instances.Select(i => i.Port));
        Assert.Equal("http://localhost:9000", mesh.GatewayUrl);
        Assert.Equal("http://127.0.0.1:9001", mesh.AuthUrls);
        Assert.Equal("http://127.0.0.1:9008", mesh.ConfigUrl);
        Assert.Equal("http://127.0.0.1:9009/eureka/", mesh.RegistryUrl);
    }

    [Fact]
    public void Further_instances_take_free_ports_that_no_other_one_has()
    {
        var mesh = MeshTopology.Plan(9000, InstanceCounts.Parse("account=2,auth=2", out _)!, port => port is not (9010 or 9012));

        Assert.Equal(
            ["gateway 9000", "auth-service 9001", "auth-service-2 9011", "account-service 9002", "account-service-2 9013", "config 9008", "registry 9009"],
            mesh.Instances.Select(i => $"{i.Name} {i.Port}"));
        Assert.Equal("http://127.0.0.1:9001,http://127.0.0.1:9011", mesh.AuthUrls);
    }

    [Fact]
    public void Further_gateways_take_HTTP_2_without_TLS_on_ports_of_their_own()
    {
        var mesh = MeshTopology.Plan(9000, InstanceCounts.Parse("gateway=3,auth=2", out _)!, port => port is not 9012, "http://127.0.0.1:9010/");

        Assert.Equal(
            ["gateway 9000 http://127.0.0.1:9010/", "gateway-2 9011 http://127.0.0.1:9013", "gateway-3 9014 http://127.0.0.1:9015", "auth-service 9001 ", "auth-service-2 9016 "],
            mesh.Instances.Take(5).Select(i => $"{i.Name} {i.Port} {i.H2cUrl}"));
        Assert.Equal(mesh.Instances[1].H2cUrl, ServiceEnvironment.Of(mesh.Instances[1], mesh, MeshSecrets.Generate(demo: true), new MeshSettings("/data", "/configuration", true, new Dictionary<ServiceKind, string>()))["GATEWAY__H2C__URL"]);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("nonsense")]
    [InlineData("http://127.0.0.1:0")]
    public void What_is_no_address_with_a_port_is_for_the_gateways_to_judge(string? url)
    {
        var mesh = MeshTopology.Plan(9000, InstanceCounts.Parse("gateway=2", out _)!, _ => true, url);

        Assert.Equal([(9000, url), (9010, url)], mesh.Instances.Take(2).Select(i => (i.Port, i.H2cUrl)));
        Assert.All(mesh.Instances.Skip(2), i => Assert.Null(i.H2cUrl));
    }

    [Fact]
    public void Further_instances_avoid_the_services_of_the_documentation()
    {
        var mesh = MeshTopology.Plan(null, InstanceCounts.Parse("account=2", out _)!, port => port is 8761 or 8888 or 8889);

        Assert.Equal(8889, mesh.Instances.Single(i => i.Number == 2).Port);
    }

    [Theory]
    [InlineData(9000)]
    [InlineData(32740)]
    [InlineData(65526)]
    public void Further_instances_take_no_port_of_outgoing_connections(int portBase)
    {
        var outgoing = EphemeralPorts.OfThisMachine();

        var mesh = MeshTopology.Plan(portBase, InstanceCounts.Parse("account=16,auth=16,gateway=16", out _)!, _ => true);

        Assert.Equal(3 * 16 + 2, mesh.Instances.Select(i => i.Port).Distinct().Count());
        Assert.All(mesh.Instances.Where(i => i.Number > 1), i => Assert.False(i.Port >= outgoing.First && i.Port <= outgoing.Last, $"{i.Port}"));
    }

    [Fact]
    public void The_ports_of_outgoing_connections_are_those_of_the_system() =>
        Assert.Equal(new EphemeralPorts(32768, 60999), EphemeralPorts.Parse("32768\t60999\n"));

    [Theory]
    [InlineData("account=2,auth=3", "auth=3,account=2")]
    [InlineData(" auth-service = 2 ", "auth=2")]
    [InlineData("config=1", "config=1")]
    public void A_list_of_instances_names_services_by_folder_or_wire_name(string text, string expected)
    {
        var counts = InstanceCounts.Parse(text, out var error);

        Assert.Null(error);
        Assert.Equal(expected.Split(',').Order(), counts!.ToString().Split(',').Order());
    }

    [Theory]
    [InlineData("", "a list like account=2,auth=2 is expected.")]
    [InlineData("account", "'account' is not SERVICE=COUNT.")]
    [InlineData("nobody=2", "there is no service 'nobody'; there are gateway, auth, account.")]
    [InlineData("account=0", "'0' is not a number of instances from 1 to 16.")]
    [InlineData("account=17", "'17' is not a number of instances from 1 to 16.")]
    [InlineData("account=-1", "'-1' is not a number of instances from 1 to 16.")]
    [InlineData("account=two", "'two' is not a number of instances from 1 to 16.")]
    [InlineData("account=99999999999", "'99999999999' is not a number of instances from 1 to 16.")]
    [InlineData("discovery=2", "discovery keeps its state in memory and runs once; more than one are possible of gateway, auth, account.")]
    [InlineData("auth=2,auth-service=3", "auth is named twice.")]
    public void A_list_that_makes_no_sense_is_refused_with_the_reason(string text, string expected)
    {
        Assert.Null(InstanceCounts.Parse(text, out var error));
        Assert.Equal(expected, error);
    }
}
