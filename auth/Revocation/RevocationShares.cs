using SecureMesh.Auth.Limits;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Revocation;

/// <summary>
/// How many tokens a caller may end one by one: each stays in the memory of every gateway and service until it would have expired, and
/// to get a token and end it costs a client next to nothing. A share belongs to a user at a client, or to a client in its own name, so
/// that nobody uses up another's.
/// </summary>
internal sealed class RevocationShares(Current<RevocationOptions> options, TimeProvider time)
{
    private static readonly TimeSpan _window = TimeSpan.FromHours(1);
    private readonly AddressFailures _ended = new(time);

    /// <summary>Counts a token that is about to be ended by its holder.</summary>
    /// <returns>Why it may not be now; null when it may.</returns>
    public OAuthError? Count(string zoneId, string? userId, string clientId)
    {
        var wait = _ended.Add(AddressFailures.Key($"{zoneId}\n{userId}\n{clientId}"), options.Value.PerHour, _window);
        return wait == TimeSpan.Zero ? null
            : new OAuthError(429, "too_many_requests", "Too many tokens were revoked one by one. Try again later, or revoke all of them at once.") { RetryAfter = wait };
    }
}
