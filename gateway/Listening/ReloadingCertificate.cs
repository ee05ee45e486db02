using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Listening;

/// <summary>A certificate of PEM files, read again when one of them changes; a broken change leaves the old one in force.</summary>
internal sealed class ReloadingCertificate
{
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    private readonly string _certificate;
    private readonly string _key;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private SslStreamCertificateContext _current;
    private (DateTime, DateTime) _stamp;
    private long _looked;

    public ReloadingCertificate(string certificate, string key, TimeProvider time)
    {
        (_certificate, _key, _time) = (certificate, key, time);
        try
        {
            _stamp = Stamp();
            _current = Load();
        }
        catch (Exception e) when (IsOfTheFiles(e))
        {
            throw new MeshStartException($"gateway:tls: the certificate {certificate} with the key {key} cannot be used: {e.Message}", e);
        }
        _looked = time.GetTimestamp();
    }

    /// <summary>What happened to a changed file: null when the new certificate is in force, else why it is not.</summary>
    public event Action<Exception?>? Changed;

    /// <summary>The certificate with its intermediates; looked for on disk at most once a second.</summary>
    public SslStreamCertificateContext Current
    {
        get
        {
            lock (_gate)
            {
                if (_time.GetElapsedTime(_looked) < _interval) return _current;
                _looked = _time.GetTimestamp();
                Refresh();
                return _current;
            }
        }
    }

    private void Refresh()
    {
        try
        {
            var stamp = Stamp();
            if (stamp == _stamp) return;
            // Two files are never replaced at once: a pair that does not fit is tried again until it does.
            _current = Load();
            _stamp = stamp;
            Changed?.Invoke(null);
        }
        catch (Exception e) when (IsOfTheFiles(e))
        {
            Changed?.Invoke(e);
        }
    }

    private (DateTime, DateTime) Stamp() => (File.GetLastWriteTimeUtc(_certificate), File.GetLastWriteTimeUtc(_key));

    private SslStreamCertificateContext Load()
    {
        var certificate = X509Certificate2.CreateFromPemFile(_certificate, _key);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(_certificate);
        return SslStreamCertificateContext.Create(certificate, chain, offline: true);
    }

    private static bool IsOfTheFiles(Exception exception) =>
        exception is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException;
}
