using SecureMesh.Gateway.Protocol;

namespace SecureMesh.Gateway.Listening;

/// <summary>Says when a changed certificate was taken or refused.</summary>
internal sealed partial class CertificateLog(ReloadingCertificate certificate, ILogger<CertificateLog> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        certificate.Changed += Write;
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        certificate.Changed -= Write;
        return Task.CompletedTask;
    }

    private void Write(Exception? fault)
    {
        if (fault is null) Log.Loaded(logger);
        else Log.Refused(logger, fault);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.CertificateLoaded, LogLevel.Information, "The changed certificate is in force")]
        public static partial void Loaded(ILogger logger);

        [LoggerMessage(EventIds.CertificateRefused, LogLevel.Error, "The changed certificate cannot be used; the old one stays in force")]
        public static partial void Refused(ILogger logger, Exception fault);
    }
}
