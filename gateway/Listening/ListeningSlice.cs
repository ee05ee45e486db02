using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Listening;

/// <summary>Where the gateway listens, and with which certificate.</summary>
internal static class ListeningSlice
{
    public static void AddListening(this WebApplicationBuilder builder)
    {
        var certificate = Certificate(builder);
        PlainHttp2.Add(builder.Configuration);
        CheckAddresses(builder.Configuration, certificate is not null);
        // First of all: it judges the connection as it is, not as a proxy tells it, and the SDK answers /actuator/health early.
        builder.Services.Insert(0, ServiceDescriptor.Singleton<IStartupFilter, PlainCallers>());
        builder.Services.AddSingleton(new LocalAddresses(IPAddress.IsLoopback));
        // Kestrel takes a bare LF for the end of a line unless told otherwise, and a proxy in front may not (RFC 9112 §2.2).
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            // The bytes of header values pass as they are; UTF-8 and Latin-1 readers find what was sent.
            // Not so the length, of which Kestrel's reader of other encodings also takes `5\0`.
            kestrel.RequestHeaderEncodingSelector = name => name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) ? null : Encoding.Latin1;
            kestrel.ResponseHeaderEncodingSelector = _ => Encoding.Latin1;
            // HTTP/3 would be a second way in beside the checks on connections of TLS.
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http1AndHttp2);
            if (certificate is not null) kestrel.ConfigureHttpsDefaults(https => Use(https, certificate));
        });
    }

    private static ReloadingCertificate? Certificate(WebApplicationBuilder builder)
    {
        var (certificate, key) = (builder.Configuration["gateway:tls:certificate"], builder.Configuration["gateway:tls:key"]);
        if (string.IsNullOrEmpty(certificate) && string.IsNullOrEmpty(key)) return null;
        if (string.IsNullOrEmpty(certificate) || string.IsNullOrEmpty(key)) throw new MeshStartException("gateway:tls:certificate and gateway:tls:key must both name a PEM file.");
        var reloading = new ReloadingCertificate(certificate, key, TimeProvider.System);
        builder.Services.AddSingleton(reloading);
        builder.Services.AddHostedService<CertificateLog>();
        return reloading;
    }

    private static void Use(HttpsConnectionAdapterOptions https, ReloadingCertificate certificate)
    {
        https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        https.ServerCertificateSelector = (_, _) => certificate.Current.TargetCertificate;
        // Asked for, never required, and never judged here: at the handshake a certificate proves who holds its key and nothing
        // else. What it is good for says the token that is bound to it (RFC 8705 §3), on the routes that take one.
        https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
        https.ClientCertificateValidation = static (_, _, _) => true;
        https.OnAuthenticate = (_, options) =>
        {
            // A stranger's certificate must not make the gateway fetch from the addresses that stand in it.
            options.CertificateRevocationCheckMode = X509RevocationMode.NoCheck;
            options.CertificateChainPolicy = new X509ChainPolicy { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck, VerificationFlags = X509VerificationFlags.AllFlags };
            // A context, unlike a selected certificate, also sends the intermediates of the file.
            options.ServerCertificateSelectionCallback = null;
            options.ServerCertificateContext = certificate.Current;
        };
    }

    private static void CheckAddresses(ConfigurationManager configuration, bool hasCertificate)
    {
        var demo = configuration.GetValue("mesh:demo", false);
        var behindProxy = TrustedProxies.Read(configuration).Count > 0;
        foreach (var address in Addresses(configuration))
        {
            var https = address.StartsWith("https:", StringComparison.OrdinalIgnoreCase);
            if (https && !hasCertificate) throw new MeshStartException($"{address} needs a certificate: set gateway:tls:certificate and gateway:tls:key to PEM files.");
            if (IsLoopback(address)) continue;
            if (demo) throw new MeshStartException($"{address} is not a loopback address, and demo identities are known to everybody: listen on loopback, or start with --production.");
            if (!https && !behindProxy)
                throw new MeshStartException($"{address} is not a loopback address and not encrypted: use https with gateway:tls:certificate and gateway:tls:key, or list the proxy in front in gateway:trustedProxies.");
        }
    }

    public static IEnumerable<string> Addresses(ConfigurationManager configuration)
    {
        foreach (var url in (configuration["urls"] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)) yield return url;
        foreach (var endpoint in configuration.GetSection("Kestrel:Endpoints").GetChildren())
        {
            if (endpoint["Url"] is { } url) yield return url;
        }
        if (!string.IsNullOrEmpty(configuration["urls"])) yield break; // the framework takes ports only without urls
        foreach (var port in Ports(configuration["http_ports"])) yield return $"http://*:{port}";
        foreach (var port in Ports(configuration["https_ports"])) yield return $"https://*:{port}";
    }

    private static string[] Ports(string? text) => (text ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>Any name but localhost makes Kestrel listen on all addresses.</summary>
    private static bool IsLoopback(string address)
    {
        if (!BindingAddress.Parse(address).Host.Trim('[', ']').Equals("localhost", StringComparison.OrdinalIgnoreCase))
            return IPAddress.TryParse(BindingAddress.Parse(address).Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip);
        return true;
    }
}
