using System.Globalization;
using System.Text.Json;
using System.Xml;
using Microsoft.Extensions.Options;
using SecureMesh.Discovery.Registry;
using SecureMesh.Discovery.Wire;
using SecureMesh.Sdk;

namespace SecureMesh.Discovery.Apps;

/// <summary>Operation 15: a few figures about this server. It has no replicas; no client parses the document.</summary>
internal sealed class ServerStatusEndpoint(LeaseRegistry registry, TimeProvider time, IOptions<MeshOptions> mesh)
{
    private static readonly string[] Replicas = ["registered-replicas", "available-replicas", "unavailable-replicas"];
    private readonly long _start = time.GetTimestamp();

    public Task HandleAsync(HttpContext http)
    {
        var state = registry.Current;
        var own = state.App(mesh.Value.Name.ToUpperInvariant()).FirstOrDefault(instance => instance.IsCoordinating);
        var stats = new Dictionary<string, string>
        {
            ["environment"] = mesh.Value.Demo ? "demo" : "production",
            ["server-uptime"] = time.GetElapsedTime(_start).ToString(@"d\.hh\:mm\:ss", CultureInfo.InvariantCulture),
            ["instances"] = state.Instances.Count().ToString(CultureInfo.InvariantCulture),
            ["suspects"] = registry.Suspects.ToString(CultureInfo.InvariantCulture),
        };
        var json = Negotiation.OneAsJson(http.Request);
        return Answer.Bytes(http, json, json ? Render.Json(writer => Write(writer, stats, own)) : Render.Xml(writer => Write(writer, stats, own)));
    }

    private static void Write(Utf8JsonWriter json, Dictionary<string, string> stats, Instance? own)
    {
        json.WriteStartObject();
        json.WriteStartObject("generalStats");
        foreach (var (name, value) in stats) json.WriteString(name, value);
        json.WriteEndObject();
        json.WriteStartObject("applicationStats");
        foreach (var name in Replicas) json.WriteString(name, "");
        json.WriteEndObject();
        if (own is not null)
        {
            json.WritePropertyName("instanceInfo");
            JsonAnswer.Write(json, own);
        }
        json.WriteEndObject();
    }

    private static void Write(XmlWriter xml, Dictionary<string, string> stats, Instance? own)
    {
        xml.WriteStartElement("status");
        xml.WriteStartElement("generalStats");
        foreach (var (name, value) in stats) xml.WriteElementString(name, value);
        xml.WriteEndElement();
        xml.WriteStartElement("applicationStats");
        foreach (var name in Replicas) xml.WriteElementString(name, "");
        xml.WriteEndElement();
        if (own is not null) XmlAnswer.OneInstance(xml, own, "instanceInfo");
        xml.WriteEndElement();
    }
}
