namespace SecureMesh.Auth.Audit;

internal static class AuditSlice
{
    public static WebApplicationBuilder AddAudit(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IAudit, LoggedAudit>();
        return builder;
    }
}

/// <summary>Writes the events to the log.</summary>
internal sealed partial class LoggedAudit(ILogger<LoggedAudit> logger) : IAudit
{
    public void Record(AuditEvent entry) => Log.Recorded(logger, entry.Type, entry.ClientId, entry.UserId, entry.TokenId, entry.SessionId, entry.Address, entry.Reason);

    private static partial class Log
    {
        [LoggerMessage(Protocol.EventIds.Audited, LogLevel.Information, "{Event} {ClientId} {UserId} {TokenId} {SessionId} {Address} {Reason}")]
        public static partial void Recorded(
            ILogger logger, string @event, string? clientId, string? userId, string? tokenId, string? sessionId, System.Net.IPAddress? address, string? reason);
    }
}
