using System.Text.Json;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Terminal;
using SecureMesh.Cli.Topology;

namespace SecureMesh.Cli.Start;

/// <summary>What an operator reads when the mesh can serve.</summary>
internal static class Announcement
{
    public static void Write(TextWriter output, MeshState state, string data, string? adminSecret)
    {
        var gateway = state.GatewayUrl;
        output.WriteLine();
        output.WriteLine($"The mesh serves at {gateway}");
        output.WriteLine();
        foreach (var instance in state.Instances)
        {
            output.WriteLine($"  {instance.Name,-17} {Address(state, instance),-28} {Purpose(instance)}");
        }

        foreach (var instance in state.Instances.Where(i => i.H2cUrl is not null)) output.WriteLine($"  {instance.Name,-17} {instance.H2cUrl,-28} HTTP/2 without TLS");
        output.WriteLine();
        if (state.Demo) WriteDemo(output, gateway);
        else WriteAdmin(output, gateway, adminSecret);
        output.WriteLine($"Logs and data: {data}");
    }

    /// <summary>The same for scripts.</summary>
    public static void WriteJson(Utf8JsonWriter json, MeshState state, string data, string? adminSecret)
    {
        json.WriteStartObject();
        json.WriteString("url", state.GatewayUrl);
        json.WriteBoolean("demo", state.Demo);
        json.WriteString("data", data);
        json.Member("adminSecret", adminSecret);
        json.WriteStartArray("instances");
        foreach (var instance in state.Instances)
        {
            json.WriteStartObject();
            json.WriteString("service", instance.Service);
            json.WriteNumber("number", instance.Number);
            json.WriteNumber("port", instance.Port);
            json.WriteString("url", Address(state, instance));
            json.Member("h2cUrl", instance.H2cUrl);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string Address(MeshState state, InstanceState instance) =>
        instance.Service == ServiceKind.Gateway.WireName && instance.Number == 1 ? state.GatewayUrl : $"http://127.0.0.1:{instance.Port}";

    private static void WriteDemo(TextWriter output, string gateway)
    {
        output.WriteLine("Sign in as demo, password demo, client browser (no secret), scope ui. Paste:");
        output.WriteLine();
        output.WriteLine($"""TOKEN=$(curl -s -u browser: -d grant_type=password -d username=demo -d password=demo -d scope=ui {gateway}/uaa/oauth/token | sed -E 's/.*"access_token" *: *"([^"]*)".*/\1/')""");
        output.WriteLine($"""curl -s -H "Authorization: Bearer $TOKEN" {gateway}/accounts/current""");
        output.WriteLine($"curl -s {gateway}/accounts/demo");
        output.WriteLine();
        output.WriteLine("WARNING: the demo identities are on (users demo and admin, clients with known secrets): for this machine only.");
        output.WriteLine("Start with --production for a mesh without them.");
        output.WriteLine();
    }

    private static void WriteAdmin(TextWriter output, string gateway, string? secret)
    {
        if (secret is null)
        {
            output.WriteLine("Production: no demo identity exists. The client admin keeps the secret that was shown before; --new-admin-secret makes another.");
            output.WriteLine();
            return;
        }


        output.WriteLine("Production: no demo identity exists. The client admin has this secret; it is shown this once and stored nowhere:");
        output.WriteLine();
        output.WriteLine($"  {secret}");
        output.WriteLine();
        output.WriteLine($"curl -s -u admin:{secret} -d grant_type=client_credentials {gateway}/uaa/oauth/token");
        output.WriteLine();
    }

    private static string Purpose(InstanceState instance) => instance.Service switch
    {
        "gateway" => instance.Number == 1 ? "the only door" : "the same door again",
        "auth-service" => "token service, at the gateway below /uaa",
        "account-service" => "accounts, at the gateway below /accounts",
        "config" => "configuration server",
        _ => "registry",
    };
}
