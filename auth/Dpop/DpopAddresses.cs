using System.Globalization;
using System.Net;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Clients;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Dpop;

/// <summary>
/// The addresses that <c>htu</c> may name: the public one of the issuer, that of the listener for certificates, and, for a caller on
/// the same machine, the loopback address it is connected to. Never what the request says of itself.
/// </summary>
internal sealed class DpopAddresses(IOptions<MeshOptions> mesh, IOptions<TlsOptions> tls)
{
    private const string IssuerPath = "/oauth/token";
    private const string Prefix = "/uaa";

    public IEnumerable<string> Of(HttpRequest request)
    {
        var path = request.Path.ToUriComponent();
        var below = path.StartsWith(Prefix, StringComparison.Ordinal) ? path[Prefix.Length..] : path;
        var issuer = mesh.Value.Issuer;
        yield return (issuer.EndsWith(IssuerPath, StringComparison.Ordinal) ? issuer[..^IssuerPath.Length] : issuer.TrimEnd('/')) + below;
        if (tls.Value.PublicUrl is { } aliases) yield return aliases.TrimEnd('/') + path;
        var connection = request.HttpContext.Connection;
        // On one machine a loopback port has one listener, which is this service: a proof for it cannot have been made for another.
        if (connection.LocalIpAddress is not { } local || !IPAddress.IsLoopback(local)) yield break;
        if (connection.RemoteIpAddress is not { } remote || !IPAddress.IsLoopback(remote)) yield break;
        var port = connection.LocalPort.ToString(CultureInfo.InvariantCulture);
        var scheme = request.HttpContext.Features.Get<Microsoft.AspNetCore.Connections.Features.ITlsHandshakeFeature>() is null ? "http" : "https";
        foreach (var host in new[] { "localhost", "127.0.0.1", "[::1]" }) yield return $"{scheme}://{host}:{port}{path}";
    }
}
