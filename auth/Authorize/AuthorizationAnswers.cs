using System.Globalization;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Login;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;
using IPAddress = System.Net.IPAddress;

namespace SecureMesh.Auth.Authorize;

/// <summary>Gives the client what the person agreed to: a code, and where it is registered for that, tokens (RFC 6749 §4.1.2, §4.2.2).</summary>
internal sealed partial class AuthorizationAnswers(
    IAuthorizationCodes codes, TokenIssuer issuer, IdTokens idTokens, IAudit audit, TimeProvider time, ILogger<AuthorizationAnswers> logger)
{
    private static readonly TimeSpan CodeLifetime = TimeSpan.FromSeconds(60);

    public static ErrorPage Ended { get; } = new(new OAuthError(400, "transaction_ended", "This request was answered already"));

    public async Task<IResult> GrantAsync(
        AuthorizationRequest request, Person person, IReadOnlyList<string> scopes, string? transactionHash, IPAddress? address, CancellationToken cancellationToken)
    {
        var authorization = new Authorization
        {
            Client = new AuthenticatedClient(request.Client, "none"),
            User = person.User,
            Scopes = scopes,
            Resources = request.Resources,
            GrantType = "implicit",
            AuthTime = person.AuthTime,
            GrantId = Entropy.HexId(),
            SessionId = person.SessionId,
            Nonce = request.Nonce,
            TokenFormat = request.Parameters["token_format"],
            Details = new SignInDetails { Amr = person.Amr, Claims = request.Claims.Json, Offline = scopes.Contains("offline_access", StringComparer.Ordinal) },
        };
        var now = await issuer.IssueTimeAsync(authorization, cancellationToken);
        var code = request.IsCode ? Entropy.Token() : null;
        var stored = code is null ? null : Stored(request, authorization, now);
        if (!await codes.TryCompleteAsync(code is null ? null : BrowserCookie.Hash(code), stored, transactionHash, request.PushedHash, now, cancellationToken)) return Ended;

        Log.Answered(logger, Words.Join(request.ResponseTypes), request.Client.Id, person.User.Id, authorization.GrantId);
        var answer = new List<(string, string?)>();
        if (request.IsToken || request.IsIdToken) await TokensAsync(answer, request, authorization, code, now, cancellationToken);
        if (code is not null)
        {
            answer.Add(("code", code));
            audit.Record(new AuditEvent("code.issued") { ClientId = request.Client.Id, UserId = person.User.Id, SessionId = person.SessionId, Address = address });
        }
        return request.Target.Answer([.. answer]);
    }

    /// <summary>Completes a request without granting anything.</summary>
    public Task<bool> CloseAsync(AuthorizationRequest request, string? transactionHash, CancellationToken cancellationToken) =>
        codes.TryCompleteAsync(null, null, transactionHash, request.PushedHash, time.GetUtcNow(), cancellationToken);

    private async Task TokensAsync(List<(string, string?)> answer, AuthorizationRequest request, Authorization authorization, string? code, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var access = request.IsToken ? await issuer.AccessAsync(authorization, now, cancellationToken) : null;
        if (access is not null)
        {
            answer.Add(("token_type", "bearer"));
            answer.Add(("access_token", access.Token));
        }
        if (request.IsIdToken && IdTokens.IsWanted(authorization))
        {
            var lifetime = access?.Lifetime ?? issuer.Lifetime(authorization, now);
            // Without an access token there is no other place for the claims (OpenID Connect Core §5.4).
            answer.Add(("id_token", idTokens.Write(authorization, lifetime, access?.Token, code, withClaims: access is null && code is null)));
        }
        if (access is null) return;
        answer.Add(("expires_in", ((long)access.Lifetime.TotalSeconds).ToString(CultureInfo.InvariantCulture)));
        answer.Add(("jti", access.Jti));
        if (!authorization.Scopes.ToHashSet(StringComparer.Ordinal).SetEquals(request.Scopes)) answer.Add(("scope", Words.Join(authorization.Scopes)));
    }

    private static AuthorizationCode Stored(AuthorizationRequest request, Authorization authorization, DateTimeOffset now) => new()
    {
        ZoneId = request.Client.ZoneId,
        ClientId = request.Client.Id,
        UserId = authorization.User!.Id,
        GrantId = authorization.GrantId!,
        RedirectUri = request.RedirectUriSent ? request.Target.RedirectUri : null,
        Scopes = authorization.Scopes,
        Resources = request.Resources,
        Nonce = request.Nonce,
        CodeChallenge = request.CodeChallenge,
        DpopJkt = request.DpopJkt,
        SessionId = authorization.SessionId,
        AuthTime = authorization.AuthTime!.Value,
        Details = authorization.Details,
        RevSig = RevocationSignature.Of(request.Client, authorization.User),
        CreatedAt = now,
        ExpiresAt = now + CodeLifetime,
    };

    private static partial class Log
    {
        [LoggerMessage(EventIds.AuthorizationAnswered, LogLevel.Information, "Answered {ResponseType} to {ClientId} for {UserId} as grant {GrantId}")]
        public static partial void Answered(ILogger logger, string responseType, string clientId, string userId, string grantId);
    }
}
