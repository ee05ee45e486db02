using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Token.Device;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Token.Grants;

/// <summary>A device asks whether a person has allowed it (RFC 8628 §3.4).</summary>
internal sealed class DeviceCodeGrant(
    IDeviceCodes codes, IUsers users, ISessions sessions, ScopePolicy scopes, IssuancePolicy policy, TimeProvider time) : IGrant
{
    private static readonly TimeSpan Penalty = TimeSpan.FromSeconds(5);

    // Requests of a device that keeps to its interval do not arrive at exactly that distance.
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(500);

    public string GrantType => DeviceAuthorizations.GrantType;

    public bool AllowsPublicClients => true;

    public bool IsStandardOnly => true;

    public async Task<Result<Authorization, OAuthError>> AuthorizeAsync(TokenRequest request, AuthenticatedClient client, CancellationToken cancellationToken)
    {
        if (request.Form["device_code"] is not { } deviceCode) return OAuthError.InvalidRequest("Missing parameter: device_code");
        var hash = DeviceAuthorizations.Hash(deviceCode);
        // The binding comes first: another client's poll neither redeems nor slows down what is not its own (V-041).
        if (await codes.FindAsync(hash, cancellationToken) is not { } code || code.ClientId != client.Client.Id || code.ZoneId != client.Client.ZoneId)
            return Bad("unknown, or another client's");
        var now = time.GetUtcNow();
        if (code.State == DeviceState.Redeemed) return Bad("redeemed already");
        if (code.ExpiresAt <= now) return new OAuthError(400, "expired_token", "The device code has expired");
        if (code.State == DeviceState.Denied) return new OAuthError(400, "access_denied", "The request was denied");
        if (code.State == DeviceState.Pending)
            return await codes.PolledTooEarlyAsync(hash, Slack, Penalty, now, cancellationToken)
                ? new OAuthError(400, "slow_down", "The device polls too often")
                : new OAuthError(400, "authorization_pending", "The request has not been decided yet");
        return await codes.TryRedeemAsync(hash, now, cancellationToken) ? await RedeemAsync(code, request, client, cancellationToken) : Bad("redeemed meanwhile");
    }

    // The approval may be minutes old: what was true then is asked again.
    private async Task<Result<Authorization, OAuthError>> RedeemAsync(
        DeviceCode code, TokenRequest request, AuthenticatedClient client, CancellationToken cancellationToken)
    {
        var approval = code.Approval!;
        if (await users.FindAsync(code.ZoneId, approval.UserId, cancellationToken) is not { } user) return Bad("user gone");
        if (!await sessions.IsLiveAsync(approval.SessionId, cancellationToken)) return Bad("the session of the approval has ended");
        if (await policy.CheckAsync(client.Client, user, cancellationToken) is { } refusal) return refusal;
        if (await policy.CheckLockAsync(user, cancellationToken) is { } locked) return locked;
        if (request.Resources.Any(resource => code.Resources.Count > 0 && !code.Resources.Contains(resource, StringComparer.Ordinal)))
            return OAuthError.InvalidTarget("A resource must be one of those the device asked for");
        var granted = await scopes.StillHeldAsync(client.Client, user, approval.Scopes, cancellationToken);
        if (granted.Count == 0) return Bad("no scope is left");
        return new Authorization
        {
            Client = client,
            User = user,
            Scopes = granted,
            Resources = request.Resources.Count > 0 ? request.Resources : code.Resources,
            GrantType = GrantType,
            AuthTime = approval.AuthTime,
            SessionId = approval.SessionId,
            Details = new SignInDetails { Amr = approval.Amr, Offline = granted.Contains("offline_access", StringComparer.Ordinal) },
        };
    }

    private static OAuthError Bad(string detail) => OAuthError.InvalidGrant("Invalid device code", detail);
}
