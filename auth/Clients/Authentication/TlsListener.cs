using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Options;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Clients;

/// <summary>The authorities whose certificates name clients; empty when the listener is closed.</summary>
internal sealed record ClientAuthorities(X509Certificate2Collection Roots, X509Certificate2Collection Intermediates);

/// <summary>Opens the listener for certificates, or stops the start: one that trusts nobody or everybody is worse than none (V-064).</summary>
internal static class TlsListener
{
    public static WebApplicationBuilder AddTlsListener(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<TlsOptions>().BindConfiguration("auth:tls");
        var options = builder.Configuration.GetSection("auth:tls").Get<TlsOptions>() ?? new TlsOptions();
        if (!options.IsOpen)
        {
            builder.Services.AddSingleton(new ClientAuthorities([], []));
            return builder;
        }
        if (!Uri.TryCreate(options.Url, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttps)
            throw new MeshStartException($"auth:tls:url must be an https address to listen at, not '{options.Url}'.");
        if (options.PublicUrl is not null && (!Uri.TryCreate(options.PublicUrl, UriKind.Absolute, out var aliases) || aliases.Scheme != Uri.UriSchemeHttps || aliases.AbsolutePath != "/"))
            throw new MeshStartException($"auth:tls:publicUrl must be an https URL without a path, not '{options.PublicUrl}'.");
        var authorities = Authorities(options.ClientCa);
        builder.Services.AddSingleton(authorities);
        var certificate = Certificate(options);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureHttpsDefaults(https =>
        {
            https.ServerCertificate = certificate;
            https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
            https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
            // Only the possession of the key is settled here. Whose certificate it is, the authentication of clients judges: by
            // its authority for some, by its fingerprint for others.
            https.ClientCertificateValidation = static (_, _, _) => true;
            // A stranger's certificate must not make auth fetch from the addresses that stand in it.
            https.OnAuthenticate = static (_, tls) =>
            {
                tls.CertificateRevocationCheckMode = X509RevocationMode.NoCheck;
                tls.CertificateChainPolicy = new X509ChainPolicy { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck, VerificationFlags = X509VerificationFlags.AllFlags };
            };
        }));
        builder.Services.AddHostedService<Opening>();
        return builder;
    }

    private static X509Certificate2 Certificate(TlsOptions options)
    {
        try
        {
            using var pem = X509Certificate2.CreateFromPemFile(options.Certificate, options.Key.Length > 0 ? options.Key : null);
            // The platform's TLS takes no key that lives in memory only for this call.
            return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new MeshStartException($"the certificate of auth:tls:certificate and auth:tls:key cannot be used: {e.Message}", e);
        }
    }

    private static ClientAuthorities Authorities(string path)
    {
        var all = new X509Certificate2Collection();
        try
        {
            all.ImportFromPemFile(path);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new MeshStartException($"the authorities of auth:tls:clientCa cannot be read: {e.Message}", e);
        }
        var (roots, intermediates) = (new X509Certificate2Collection(), new X509Certificate2Collection());
        foreach (var certificate in all)
        {
            if (certificate.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault() is not { CertificateAuthority: true })
                throw new MeshStartException($"auth:tls:clientCa holds {certificate.Subject}, which is no certificate of an authority.");
            (certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData) ? roots : intermediates).Add(certificate);
        }
        return roots.Count > 0 ? new ClientAuthorities(roots, intermediates) : throw new MeshStartException($"auth:tls:clientCa ({path}) holds no root certificate.");
    }

    // Beside the addresses the server has anyway, which adding one here would otherwise replace.
    private sealed class Opening(IServer server, IConfiguration configuration, IOptions<TlsOptions> options) : IHostedLifecycleService
    {
        public Task StartingAsync(CancellationToken cancellationToken)
        {
            var addresses = server.Features.Get<IServerAddressesFeature>()!.Addresses;
            if (addresses.Count == 0)
                foreach (var url in (configuration["urls"] ?? "http://localhost:5000").Split(';', StringSplitOptions.RemoveEmptyEntries)) addresses.Add(url);
            addresses.Add(options.Value.Url);
            return Task.CompletedTask;
        }

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
