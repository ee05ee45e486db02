using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Listening;

/// <summary>
/// The setting <c>gateway:h2c:url</c>: one more address, for HTTP/2 without TLS (gRPC inside a machine or behind a proxy). It
/// needs a port of its own, because without TLS a client of HTTP/2 begins to speak it unasked (RFC 9113 §3.3).
/// </summary>
internal static class PlainHttp2
{
    private const string Endpoints = "Kestrel:Endpoints";

    /// <summary>Reads the setting at the start; the rules on addresses are those of all others.</summary>
    public static void Add(ConfigurationManager configuration)
    {
        if (configuration["gateway:h2c:url"] is not { Length: > 0 } url) return;
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttp || address.PathAndQuery != "/")
            throw new MeshStartException($"gateway:h2c:url must be an address such as http://127.0.0.1:8083, not '{url}'.");
        var added = new Dictionary<string, string?> { [Endpoints + ":h2c:Url"] = url, [Endpoints + ":h2c:Protocols"] = "Http2" };
        if (!configuration.GetSection(Endpoints).GetChildren().Any())
        {
            // The server takes the addresses of this section or those of `urls`, never both.
            var index = 0;
            foreach (var other in ListeningSlice.Addresses(configuration).DefaultIfEmpty("http://localhost:5000").ToList()) added[$"{Endpoints}:{index++}:Url"] = other;
            foreach (var key in new[] { "urls", "http_ports", "https_ports" }) configuration[key] = "";
        }
        configuration.AddInMemoryCollection(added);
    }
}
