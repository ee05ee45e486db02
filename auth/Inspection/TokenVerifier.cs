using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Inspection;

/// <summary>
/// Says whether an access token of any form is good: genuine, in its time, not revoked, and its user and client as they are now.
/// That it is genuine is found out once for each token, all else at each use.
/// </summary>
internal sealed class TokenVerifier(
    IEnumerable<ITokenForm> forms, TokenCache cache, RevocationState revocations, RevocationFollower follower, KnownClients clients, KnownUsers users,
    IssuancePolicy policy, TimeProvider time)
{
    private const int LongestToken = 16 * 1024;

    // Revocations are forgotten when no access token can be alive that they concern; API tokens live longer, so they are read again.
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);
    private readonly ITokenForm[] _forms = forms.ToArray();

    /// <summary>The token, or why it is not good; the reason is for the log.</summary>
    public async ValueTask<Result<VerifiedToken, string>> VerifyAsync(string token, CancellationToken cancellationToken)
    {
        if (token.Length > LongestToken) return "longer than any token";
        var key = TokenKey.Of(token);
        if (cache.Find(key) is { } known && time.GetUtcNow() - known.ReadAt < Longest)
        {
            var good = await JudgeAsync(known, cancellationToken);
            if (!good.IsSuccess) cache.Forget(key);
            return good;
        }
        if (Array.Find(_forms, form => form.Has(token)) is not { } form) return "not a token";
        var read = await form.ReadAsync(token, cancellationToken);
        if (!read.IsSuccess) return read.Error;
        var judged = await JudgeAsync(read.Value, cancellationToken);
        if (!judged.IsSuccess) return judged;
        read.Value.ReadAt = time.GetUtcNow();
        cache.Add(key, read.Value);
        return judged;
    }

    private async ValueTask<Result<VerifiedToken, string>> JudgeAsync(KnownToken token, CancellationToken cancellationToken)
    {
        if (token.ExpiresAt <= time.GetUtcNow()) return "expired";
        // Without a word from the database what is in memory may be old: better no answer than yes.
        if (!follower.IsCurrent) await follower.CatchUpAsync(cancellationToken);
        if (revocations.IsRevoked(token.Marks)) return "revoked";

        var client = await clients.FindAsync(token.Marks.ZoneId, token.Marks.ClientId, cancellationToken);
        if (client is not { Enabled: true }) return "client gone or disabled";
        User? user = null;
        if (token.Marks.UserId is { } userId)
        {
            user = await users.FindAsync(token.Marks.ZoneId, userId, cancellationToken);
            if (user is not { Active: true }) return "user gone or not active";
        }
        // The same two as the last time: nothing has changed since.
        if (token.Last is { } last && ReferenceEquals(last.Client, client) && ReferenceEquals(last.User, user)) return last;

        if (await policy.CheckAsync(client, user, cancellationToken) is { } refusal) return refusal.Detail ?? refusal.Description;
        var renewed = await token.RenewAsync(client, user, cancellationToken);
        if (renewed.IsSuccess) token.Last = renewed.Value;
        return renewed;
    }
}
