using System.Net.Http.Headers;
using System.Text;
using Xunit;

namespace SecureMesh.EndToEnd;

[Collection(nameof(DemoMesh))]
public sealed class RegistryGuard(DemoMesh demo)
{
    private readonly RunningMesh _mesh = demo.Mesh;

    [Theory]
    [InlineData("ACCOUNT-SERVICE", "ACCOUNT-SERVICE", "account-service")]
    [InlineData("account-service", "account-service", "account-service")]
    [InlineData("%41CCOUNT-SERVICE", "ACCOUNT-SERVICE", "account-service")]
    [InlineData("OTHER", "OTHER", "account-service")]
    [InlineData("OTHER", "OTHER", "other,ACCOUNT-SERVICE")]
    [InlineData("GATEWAY", "GATEWAY", "gateway")]
    [InlineData("REGISTRY", "REGISTRY", "registry")]
    public async Task A_stranger_cannot_take_a_name_of_the_mesh(string path, string app, string vip)
    {
        Assert.InRange(await RegisterAsync(path, app, vip, null), 401, 403);
        Assert.InRange(await RegisterAsync(path, app, vip, "account-service:wrong"), 401, 403);
    }

    [Fact]
    public async Task One_service_cannot_take_the_name_of_another()
    {
        // The secret that the documentation names is that of the OAuth client; the registry knows another, made at the start.
        Assert.InRange(await RegisterAsync("AUTH-SERVICE", "AUTH-SERVICE", "auth-service", "account-service:account-secret"), 401, 403);
        Assert.InRange(await RegisterAsync("ACCOUNT-SERVICE", "ACCOUNT-SERVICE", "account-service", "account-service:account-secret"), 401, 403);
    }

    [Fact]
    public async Task A_stranger_can_neither_remove_nor_silence_an_instance_of_the_mesh()
    {
        var apps = (await _mesh.GetAsync(Registry("apps/ACCOUNT-SERVICE"), null, ("Accept", "application/json"))).Expect(200);
        var id = apps.Json.GetProperty("application").GetProperty("instance")[0].GetProperty("instanceId").GetString()!;
        var path = $"apps/ACCOUNT-SERVICE/{Uri.EscapeDataString(id)}";

        Assert.InRange((await _mesh.SendAsync(HttpMethod.Delete, Registry(path))).Status, 401, 403);
        Assert.InRange((await _mesh.SendAsync(HttpMethod.Put, Registry(path + "/status?value=OUT_OF_SERVICE"))).Status, 401, 403);
        Assert.InRange((await _mesh.SendAsync(HttpMethod.Put, Registry(path + "/metadata?a=b"))).Status, 401, 403);
        Assert.Equal(200, (await _mesh.GetAsync("/accounts/demo")).Status);
    }

    [Fact]
    public async Task In_the_demo_a_stranger_may_register_another_name_and_all_five_services_are_listed()
    {
        Assert.Equal(204, await RegisterAsync("BENCH-SERVICE", "BENCH-SERVICE", "bench-service", null));

        var all = (await _mesh.GetAsync(Registry("apps"), null, ("Accept", "application/json"))).Expect(200);
        foreach (var name in new[] { "GATEWAY", "AUTH-SERVICE", "ACCOUNT-SERVICE", "CONFIG", "REGISTRY", "BENCH-SERVICE" })
            Assert.Contains($"\"{name}\"", all.Body, StringComparison.Ordinal);
        Assert.Equal("application/xml", (await _mesh.GetAsync(Registry("apps"))).MediaType);
    }

    [Fact]
    public async Task The_configuration_server_gives_the_mesh_its_files_in_every_form()
    {
        var environment = (await _mesh.GetAsync($"http://127.0.0.1:{_mesh.ConfigPort}/account-service/default")).Expect(200);
        var yaml = (await _mesh.GetAsync($"http://127.0.0.1:{_mesh.ConfigPort}/account-service-default.yml")).Expect(200);
        var wrong = await _mesh.GetAsync($"http://127.0.0.1:{_mesh.ConfigPort}/account-service/default", null,
            ("Authorization", "Basic " + Convert.ToBase64String("account-service:wrong"u8)));

        Assert.True(environment.Json.GetProperty("propertySources").GetArrayLength() >= 2);
        Assert.Contains("mesh:", yaml.Body, StringComparison.Ordinal);
        Assert.Equal(401, wrong.Status);
    }

    private string Registry(string path) => $"http://127.0.0.1:{_mesh.RegistryPort}/eureka/{path}";

    private async Task<int> RegisterAsync(string path, string app, string vip, string? credential)
    {
        var body = $$$"""
            {"instance":{"instanceId":"intruder:1","hostName":"127.0.0.1","app":"{{{app}}}","ipAddr":"127.0.0.1","status":"UP",
             "port":{"$":9,"@enabled":"true"},"vipAddress":"{{{vip}}}","secureVipAddress":"{{{vip}}}",
             "dataCenterInfo":{"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","name":"MyOwn"} } }
            """;
        using var request = new HttpRequestMessage(HttpMethod.Post, Registry("apps/" + path)) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        if (credential is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes(credential)));
        using var response = await _mesh.Http.SendAsync(request);
        return (int)response.StatusCode;
    }
}
