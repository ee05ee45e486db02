using System.Text.Json;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token.Exchange;

namespace SecureMesh.Auth.Token.Grants;

/// <summary>
/// A service that was called with a token gets one for its own calls (RFC 8693). Denied unless a rule allows it: who may
/// exchange what, and for whom, stands in docs/decisions/0010.
/// </summary>
internal sealed class TokenExchangeGrant(ExchangeTokens tokens, ExchangeTargets targets, ScopePolicy scopes, IAudit audit, TimeProvider time) : IGrant
{
    private static readonly OAuthError Denied = OAuthError.InvalidRequest("The subject_token is not acceptable");

    public string GrantType => "urn:ietf:params:oauth:grant-type:token-exchange";

    public bool IsStandardOnly => true;

    public async Task<Result<Authorization, OAuthError>> AuthorizeAsync(TokenRequest request, AuthenticatedClient client, CancellationToken cancellationToken)
    {
        var caller = client.Client;
        // 1. The parameters (§2.1).
        if (request.Form["subject_token"] is not { } subjectToken) return OAuthError.InvalidRequest("Missing parameter: subject_token");
        if (request.Form["subject_token_type"] is not { } subjectType) return OAuthError.InvalidRequest("Missing parameter: subject_token_type");
        if (request.Form["actor_token"] is null != request.Form["actor_token_type"] is null)
            return OAuthError.InvalidRequest("actor_token and actor_token_type go together");
        if (request.Form["requested_token_type"] is not (null or ExchangeTokens.AccessToken or ExchangeTokens.Jwt))
            return OAuthError.InvalidRequest("requested_token_type must be an access token");

        // 2. The tokens: ours, alive, and of a user and a client that still may.
        var subject = await tokens.ReadAsync("subject_token", subjectToken, subjectType, cancellationToken);
        if (!subject.IsSuccess) return subject.Error;
        ShownToken? actor = null;
        if (request.Form["actor_token"] is { } actorToken)
        {
            var shown = await tokens.ReadAsync("actor_token", actorToken, request.Form["actor_token_type"]!, cancellationToken);
            if (!shown.IsSuccess) return shown.Error;
            actor = shown.Value;
        }

        // 3. May this client exchange them, and for that target?
        if (Refusal(subject.Value, actor, client, request.Confirmation) is { } refusal) return refusal;
        var audience = await targets.ResolveAsync(request, caller, cancellationToken);
        if (!audience.IsSuccess) return audience.Error;
        var acting = Actor(subject.Value, caller, actor);
        if (acting is { IsSuccess: false }) return acting.Value.Error!;

        // 4. Never more than the subject's.
        var granted = await NarrowAsync(request, caller, subject.Value, cancellationToken);
        if (!granted.IsSuccess) return granted.Error;
        if (subject.Value.ExpiresAt - time.GetUtcNow() < TimeSpan.FromSeconds(1)) return Denied with { Detail = "expires within the second" };
        Record(request, caller, subject.Value, impersonates: acting is null && subject.Value.Client.Id != caller.Id);
        return new Authorization
        {
            Client = client,
            User = subject.Value.User,
            Scopes = granted.Value,
            Resources = audience.Value,
            GrantType = GrantType,
            AuthTime = TokenClaims.Time(subject.Value.Claims, "auth_time"),
            // The same names, so that what ends the subject's session or authorization ends this token too.
            SessionId = TokenClaims.Text(subject.Value.Claims, "sid"),
            GrantId = GrantId(subject.Value.Claims),
            Details = new SignInDetails
            {
                Amr = TokenClaims.Texts(subject.Value.Claims, "amr"),
                Acr = TokenClaims.Text(subject.Value.Claims, "acr"),
                AzAttr = TokenClaims.Object(subject.Value.Claims, "az_attr"),
            },
            Confirmation = request.Confirmation,
            Actor = acting?.Value ?? Delegation.Kept(subject.Value),
            ExpiresNoLater = subject.Value.ExpiresAt,
            IssuedTokenType = ExchangeTokens.AccessToken,
        };
    }

    // A token that has neither of these names lends its own: RevocationEvent.OfToken.
    private static string? GrantId(JsonElement claims) =>
        TokenClaims.Text(claims, "grant_id") ?? (TokenClaims.Text(claims, "sid") is null ? TokenClaims.Text(claims, "jti") : null);

    private static OAuthError? Refusal(ShownToken subject, ShownToken? actor, AuthenticatedClient client, Confirmation? proved)
    {
        var caller = client.Client;
        var isOwn = subject.Client.Id == caller.Id;
        if (!ExchangeTargets.IsRecipient(caller, subject) && !MayImpersonate(caller, subject.Client)) return Denied with { Detail = "neither meant for the caller nor its own" };
        // Anyone can play a client without a secret.
        if (client.Method == "none" && !isOwn) return new OAuthError(400, "unauthorized_client", "A client without a secret exchanges its own tokens alone");
        if (subject.User is null && !isOwn) return Denied with { Detail = "of a client in its own name" };
        if (actor is not null && actor.Client.Id != caller.Id) return OAuthError.InvalidRequest("The actor_token is not acceptable", "not the caller's own");
        // Only a client that proved who it is may move its own token to another key.
        var proven = client.Method != "none";
        return Unproved(subject, isOwn && proven, proved) ?? (actor is null ? null : Unproved(actor, proven, proved));
    }

    // A bound token is good in the hands of its holder alone, and what comes of it is bound too (E-05, V-053).
    private static OAuthError? Unproved(ShownToken token, bool mayMove, Confirmation? proved) =>
        token.Binding is null || (proved is not null && (mayMove || proved == token.Binding)) ? null
        : OAuthError.InvalidRequest("The token is bound to a key, of which there is no proof");

    // Null: nobody new acts. The client narrows its own token, or an authority lets it take the subject's place.
    private static Result<string, OAuthError>? Actor(ShownToken subject, Client caller, ShownToken? actor) =>
        actor is null && TokenClaims.Object(subject.Claims, "may_act") is null && (subject.Client.Id == caller.Id || MayImpersonate(caller, subject.Client))
            ? default(Result<string, OAuthError>?) : Delegation.Claim(subject, caller, actor);

    private static bool MayImpersonate(Client caller, Client other) => caller.Authorities.Contains(ExchangeTargets.Impersonate + other.Id, StringComparer.Ordinal);

    private async Task<Result<IReadOnlyList<string>, OAuthError>> NarrowAsync(TokenRequest request, Client caller, ShownToken subject, CancellationToken cancellationToken)
    {
        if (request.Scopes.FirstOrDefault(scope => !subject.Scopes.Contains(scope, StringComparer.Ordinal)) is { } wider)
            return OAuthError.InvalidScope($"{wider} is invalid. Please use a valid scope name in the request", Words.Join(subject.Scopes));
        if (subject.User is null)
        {
            string[] wanted = request.Scopes.Count > 0 ? [.. request.Scopes] : [.. subject.Scopes.Where(scope => caller.Authorities.Contains(scope, StringComparer.Ordinal))];
            return wanted.Length > 0 ? ScopePolicy.ForClient(caller, wanted) : wanted;
        }
        // As in every grant: what the caller is registered for and the user still holds.
        if (ScopePolicy.Foreign(caller, request.Scopes) is { } foreign) return foreign;
        var granted = await scopes.StillHeldAsync(caller, subject.User, request.Scopes.Count > 0 ? request.Scopes : subject.Scopes, cancellationToken);
        return granted.Count > 0 ? granted.ToArray() : OAuthError.InvalidScope("None of the scopes of the subject_token is one of the client's", Words.Join(caller.Scopes));
    }

    private void Record(TokenRequest request, Client caller, ShownToken subject, bool impersonates) =>
        audit.Record(new AuditEvent(impersonates ? "token.impersonated" : "token.exchanged")
        {
            ClientId = caller.Id,
            UserId = subject.User?.Id,
            TokenId = TokenClaims.Text(subject.Claims, "jti"),
            SessionId = TokenClaims.Text(subject.Claims, "sid"),
            Address = request.Address,
            Reason = "token of " + subject.Client.Id,
        });
}
