using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Access.Foreign;
using SecureMesh.Gateway.Hygiene;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Metadata;

/// <summary>What a client must know to get a token for what stands behind the gateway (RFC 9728).</summary>
internal sealed class ResourceMetadata(
    RouteTable table, ForeignIssuers foreign, IOptions<MeshOptions> mesh, LastGood<HygieneOptions> hygiene, IConfiguration configuration)
{
    public const string Path = "/.well-known/oauth-protected-resource";

    /// <summary>A challenge must not grow with what a caller sends.</summary>
    private const int LongestPath = 1024;

    /// <summary>A longer segment may be a token that somebody put into the address: no answer repeats it (V-101).</summary>
    private const int LongestSegment = 40;

    /// <summary>What an administrator asks of the gateway itself is no resource of the mesh.</summary>
    private const string Gateway = "gateway";

    private readonly bool _takesCertificates = !string.IsNullOrEmpty(configuration["gateway:tls:certificate"]);

    private string Base => hygiene.Value.Url.TrimEnd('/');

    /// <summary>The resource below <paramref name="path"/>; null when nothing there asks for a token.</summary>
    /// <param name="path">The path of the resource; empty: all that is behind the gateway.</param>
    public ResourceAnswer? Of(PathString path)
    {
        var match = table.Match;
        var routes = (path.HasValue && path != "/" ? match.Serving(path) : match.Routes).Where(AsksForTokens).ToArray();
        if (routes.Length == 0) return null;
        return new ResourceAnswer(
            Base + path.ToUriComponent(),
            [mesh.Value.Issuer, .. routes.Any(route => route.Credentials.Contains(CredentialKind.Foreign)) ? foreign.Names : []],
            Scopes(routes),
            ["header"],
            "SecureMesh",
            DpopProof.Algorithms,
            _takesCertificates);
    }

    /// <summary>The challenge of a route's 401, with the address at which the client finds out who issues what it takes (RFC 9728 §5.1).</summary>
    public string? Challenge(HttpContext http, string? challenge)
    {
        if (challenge is null || http.GetEndpoint()?.Metadata.GetMetadata<Route>() is not { } route || !AsksForTokens(route) || route.Service == Gateway) return challenge;
        var path = http.Request.Path.ToUriComponent();
        if (challenge.StartsWith("Basic ", StringComparison.Ordinal) || path.Length > LongestPath || path.Split('/').Any(segment => segment.Length > LongestSegment)) return challenge;
        // A challenge for passwords, which may follow, is another one.
        var end = challenge.IndexOf(Refusal.BasicFollows, StringComparison.Ordinal) is > 0 and var follows ? follows : challenge.Length;
        return $"{challenge[..end]}, resource_metadata=\"{Base}{Path}{path}\"{challenge[end..]}";
    }

    private static bool AsksForTokens(Route route) => !route.Public && route.Credentials.Any(kind => kind != CredentialKind.Basic);

    /// <summary>A pattern is nothing that one could ask for.</summary>
    private static string[] Scopes(IEnumerable<Route> routes) =>
    [
        .. routes.SelectMany(route => route.Policy.AnyScope.Concat(route.Policy.AllScopes))
            .Where(scope => !scope.Contains('*', StringComparison.Ordinal)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal),
    ];
}

/// <summary>Protected resource metadata (RFC 9728 §2).</summary>
internal sealed record ResourceAnswer(
    [property: JsonPropertyName("resource")] string Resource,
    [property: JsonPropertyName("authorization_servers")] IReadOnlyList<string> AuthorizationServers,
    [property: JsonPropertyName("scopes_supported")] IReadOnlyList<string> ScopesSupported,
    [property: JsonPropertyName("bearer_methods_supported")] IReadOnlyList<string> BearerMethodsSupported,
    [property: JsonPropertyName("resource_name")] string ResourceName,
    [property: JsonPropertyName("dpop_signing_alg_values_supported")] IReadOnlyList<string> DpopSigningAlgValuesSupported,
    [property: JsonPropertyName("tls_client_certificate_bound_access_tokens")] bool TlsClientCertificateBoundAccessTokens);

[JsonSerializable(typeof(ResourceAnswer))]
internal sealed partial class ResourceJson : JsonSerializerContext;
