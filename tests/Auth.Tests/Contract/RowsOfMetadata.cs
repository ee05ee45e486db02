using System.Text.Json;
using SecureMesh.Sdk;
using Agent = SecureMesh.Auth.Tests.Authorize.Browser;

namespace SecureMesh.Auth.Tests.Contract;

/// <summary>The metadata as the conformance suite reads it (OpenID Connect Discovery §3).</summary>
public sealed class RowsOfMetadata(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task OP_C_03_every_member_has_the_type_of_its_name()
    {
        var json = (await auth.GetAsync("uaa/.well-known/openid-configuration")).Json;

        foreach (var member in json.EnumerateObject())
            switch (member.Name)
            {
                case "issuer" or "jwks_uri":
                case var name when name.EndsWith("_endpoint", StringComparison.Ordinal) || name.EndsWith("_iframe", StringComparison.Ordinal):
                    Assert.True(member.Value.ValueKind == JsonValueKind.String && member.Value.GetString()!.StartsWith("http", StringComparison.Ordinal), member.Name);
                    break;
                case "claims_parameter_supported" or "request_parameter_supported" or "request_uri_parameter_supported" or "authorization_response_iss_parameter_supported"
                    or "require_pushed_authorization_requests" or "backchannel_logout_supported" or "backchannel_logout_session_supported":
                    Assert.True(member.Value.ValueKind is JsonValueKind.True or JsonValueKind.False, member.Name);
                    break;
                case var name when name.EndsWith("_supported", StringComparison.Ordinal) && member.Value.ValueKind is not (JsonValueKind.True or JsonValueKind.False):
                    Assert.True(member.Value.ValueKind == JsonValueKind.Array && member.Value.GetArrayLength() > 0, member.Name);
                    Assert.All(member.Value.EnumerateArray(), value => Assert.Equal(JsonValueKind.String, value.ValueKind));
                    break;
            }
        foreach (var required in new[] { "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported" })
            Assert.True(json.TryGetProperty(required, out _), required);
    }

    [Fact]
    public async Task OP_C_14_OP_C_16_what_is_not_done_is_not_advertised()
    {
        var json = (await auth.GetAsync("uaa/.well-known/openid-configuration")).Json;
        var asked = await new Agent(auth).AuthorizeAsync(Agent.Web(("request", "eyJhbGciOiJub25lIn0.e30.")));

        foreach (var name in new[] { "ui_locales_supported", "claims_locales_supported", "request_object_signing_alg_values_supported" })
            Assert.False(json.TryGetProperty(name, out _), name);
        Assert.False(json.GetProperty("request_parameter_supported").GetBoolean());
        Assert.Equal("request_not_supported", asked.Error);
    }

    [Fact]
    public async Task OP_C_09_the_keys_are_fetched_by_https_are_public_and_have_names()
    {
        await using var own = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("mesh:issuer", "https://mesh.example.org/uaa/oauth/token"));
        var address = (await own.GetAsync("uaa/.well-known/openid-configuration")).Text("jwks_uri");
        Assert.StartsWith("https://mesh.example.org/", address, StringComparison.Ordinal);

        var reply = await own.GetAsync(address["https://mesh.example.org/".Length..]);

        Assert.Equal(200, reply.Status);
        JsonElement[] keys = [.. reply.Json.GetProperty("keys").EnumerateArray()];
        Assert.NotEmpty(keys);
        Assert.Equal(keys.Length, keys.Select(key => key.GetProperty("kid").GetString()).Distinct().Count());
        foreach (var key in keys)
        {
            Assert.Contains(key.GetProperty("kty").GetString(), new[] { "EC", "RSA" });
            foreach (var secret in new[] { "d", "p", "q", "dp", "dq", "qi", "oth", "k" }) Assert.False(key.TryGetProperty(secret, out _), secret);
            if (key.GetProperty("kty").GetString() == "RSA") Assert.True(key.GetProperty("n").GetString()!.Length >= 342); // 2048 bits
        }
    }

    [Fact]
    public async Task U_15_the_issuer_is_the_token_endpoint_and_has_the_metadata_below_it()
    {
        var json = (await auth.GetAsync("uaa/oauth/token/.well-known/openid-configuration")).Json;

        Assert.Equal("http://localhost:8080/uaa/oauth/token", json.GetProperty("issuer").GetString());
        Assert.Equal("http://localhost:8080/uaa/oauth/token", json.GetProperty("token_endpoint").GetString());
        Assert.Equal("http://localhost:8080/uaa/oauth/token", (await auth.SignInAsync()).Claims.GetProperty("iss").GetString());
    }
}
