using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Token;

/// <summary>
/// The resources that a request names (RFC 8707): services of the mesh, <c>mesh://</c> and the name. A client that only knows the
/// addresses it calls names those, as the gateway's metadata does (RFC 9728): they stand for the gateway.
/// </summary>
internal sealed partial class Resources(IOptions<MeshOptions> mesh)
{
    private const string Gateway = "mesh://gateway";
    private const int Most = 16;

    // What the gateway writes before the paths in its metadata.
    private readonly string _origin = new Uri(mesh.Value.Gateway.Url).GetLeftPart(UriPartial.Authority);

    /// <summary>The audience of each, without repeats.</summary>
    public Result<string[], OAuthError> Read(IEnumerable<string> named)
    {
        var audience = named.Select(resource => !ServiceUri().IsMatch(resource) && IsBehindGateway(resource) ? Gateway : resource).Distinct(StringComparer.Ordinal).ToArray();
        if (audience.Length > Most) return OAuthError.InvalidTarget($"More than {Most} resources");
        return audience.All(resource => ServiceUri().IsMatch(resource))
            ? audience
            : OAuthError.InvalidTarget("A resource must be the URI of a service, mesh:// and its name, or an address of the gateway");
    }

    // Absolute and without fragment (§2); the origin compared as URLs are, so that neither case nor a written port makes a difference.
    private bool IsBehindGateway(string resource) =>
        Uri.IsWellFormedUriString(resource, UriKind.Absolute) && Uri.TryCreate(resource, UriKind.Absolute, out var url)
        && url.Scheme is "http" or "https" && url.UserInfo.Length == 0 && url.Fragment.Length == 0 && url.GetLeftPart(UriPartial.Authority) == _origin;

    [GeneratedRegex(@"\Amesh://[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex ServiceUri();
}
