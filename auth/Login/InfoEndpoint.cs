using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Login;

/// <summary>
/// What UAA's command line clients ask first: which prompts to show (uaa.md §3.5). Never a <c>token_endpoint</c>: they would put
/// their own path behind it.
/// </summary>
internal sealed class InfoEndpoint(IOptions<MeshOptions> mesh, TimeProvider time)
{
    private const string IssuerPath = "/oauth/token";
    private static readonly string Version = typeof(InfoEndpoint).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
    private readonly string _started = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss+0000", CultureInfo.InvariantCulture);

    public Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var issuer = mesh.Value.Issuer;
        var address = issuer.EndsWith(IssuerPath, StringComparison.Ordinal) ? issuer[..^IssuerPath.Length] : issuer.TrimEnd('/');
        var plus = Version.IndexOf('+', StringComparison.Ordinal);
        return Task.FromResult<IResult>(new Answer(json =>
        {
            json.WriteStartObject("app");
            json.WriteString("version", plus < 0 ? Version : Version[..plus]);
            json.WriteEndObject();
            json.WriteStartObject("links");
            json.WriteString("uaa", address);
            json.WriteString("login", address);
            json.WriteEndObject();
            json.WriteString("zone_name", Zone.Default);
            json.WriteString("entityID", address);
            json.WriteString("commit_id", plus < 0 ? "" : Version[(plus + 1)..]);
            json.WriteString("timestamp", _started);
            json.WriteStartObject("idpDefinitions");
            json.WriteEndObject();
            json.WriteStartObject("prompts");
            Prompt("username", "text", "Email");
            Prompt("password", "password", "Password");
            json.WriteEndObject();

            void Prompt(string name, string type, string label)
            {
                json.WriteStartArray(name);
                json.WriteStringValue(type);
                json.WriteStringValue(label);
                json.WriteEndArray();
            }
        }));
    }
}
