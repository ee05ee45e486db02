using Microsoft.Extensions.Options;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Token;

/// <summary>One line for each token; of those that services get in their own name, as many a second as <c>mesh:loggedSuccessesPerSecond</c> says.</summary>
internal sealed partial class IssueLog(IAudit audit, ILogger<IssueLog> logger, IOptions<MeshOptions> mesh) : IDisposable
{
    private readonly LogBudget _plain = new(mesh.Value.LoggedSuccessesPerSecond, count => Log.LeftOut(logger, count));

    public void Issued(Authorization authorization, string jti)
    {
        AuthMeter.Issued.Add(1, new KeyValuePair<string, object?>("grant_type", authorization.GrantType));
        // What services get in their own name is counted and not kept: it is most of all, and tells nothing of anybody.
        if (authorization.User is not null || authorization.GrantType != "client_credentials")
            audit.Record(new AuditEvent(authorization.RefreshToken is null ? "token.issued" : "token.refreshed")
            {
                ClientId = authorization.Client.Client.Id,
                UserId = authorization.User?.Id,
                TokenId = jti,
                SessionId = authorization.SessionId,
                Address = authorization.Address,
                Reason = authorization.GrantType,
            });
        if (!logger.IsEnabled(LogLevel.Information) || (authorization.User is null && !_plain.TryTake())) return;
        Log.Issued(logger, jti, authorization.Client.Client.Id, authorization.User?.Id, authorization.GrantType, Words.Join(authorization.Scopes));
    }

    public void Dispose() => _plain.Dispose();

    private static partial class Log
    {
        [LoggerMessage(EventIds.TokenIssued, LogLevel.Information, "Issued {TokenId} to {ClientId} for {UserId} by {GrantType} with {Scopes}")]
        public static partial void Issued(ILogger logger, string tokenId, string clientId, string? userId, string grantType, string scopes);

        [LoggerMessage(EventIds.TokensIssuedMore, LogLevel.Information, "Issued {Count} more tokens to clients in the last second")]
        public static partial void LeftOut(ILogger logger, long count);
    }
}
