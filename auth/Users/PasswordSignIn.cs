using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Limits;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Users;

/// <summary>Checks name and password of a person: the one place, whatever page or grant asks.</summary>
internal sealed partial class PasswordSignIn(
    IUsers users, ISignInFailures failures, SlowHash slow, AddressLimits limits, Current<UsersOptions> options, TimeProvider time,
    IAudit audit, ILogger<PasswordSignIn> logger)
{
    // An attempt counts as failed until it has succeeded. So that several right ones at once do not lock their own
    // user, at most this many of one name are under way here; the others wait.
    private const int AtOnce = 2;
    private readonly ConcurrentDictionary<string, Gate> _gates = new(StringComparer.Ordinal);

    /// <summary>What failures are counted under: the name without regard to case, hashed.</summary>
    public static string NameHash(string userName) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(User.Key(userName))));

    public async Task<Result<User, OAuthError>> AuthenticateAsync(string userName, string password, IPAddress? address, CancellationToken cancellationToken)
    {
        var turn = limits.Enter(address);
        if (!turn.IsSuccess) return turn.Error;
        using var _ = turn.Value;
        var nameHash = NameHash(userName);
        var gate = Enter(nameHash);
        try
        {
            await gate.Open.WaitAsync(cancellationToken);
            try
            {
                return await CheckAsync(userName, password, nameHash, address, cancellationToken);
            }
            finally
            {
                gate.Open.Release();
            }
        }
        finally
        {
            Leave(nameHash, gate);
        }
    }

    private async Task<Result<User, OAuthError>> CheckAsync(string userName, string password, string nameHash, IPAddress? address, CancellationToken cancellationToken)
    {
        // The place comes first: who gets none was not checked, and nothing is counted.
        using var place = slow.ReserveForUser();
        if (place is null) return OAuthError.Busy("the queue of slow hashes is full");
        var user = await users.FindByNameAsync(Zone.Default, userName, cancellationToken);
        // Before the name is counted: an address that has to wait cannot lock names either.
        if (limits.Count(address) is { } refusal) return refusal;
        try
        {
            // What is counted is checked, even when the caller goes away meanwhile: it would stay counted against the name.
            var checkedUser = await CheckAsync(place, user, password, nameHash, address);
            if (checkedUser.IsSuccess) limits.TakeBack(address);
            return checkedUser;
        }
        catch
        {
            limits.TakeBack(address);
            throw;
        }
    }

    private async Task<Result<User, OAuthError>> CheckAsync(HashPlace place, User? user, string password, string nameHash, IPAddress? address)
    {
        var now = time.GetUtcNow();
        // Counted before the check: otherwise many attempts at once would all be evaluated.
        if (!await failures.TryCountAsync(Zone.Default, nameHash, options.Value.Lockout, now, CancellationToken.None))
        {
            Log.Locked(logger, nameHash[..12]);
            audit.Record(new AuditEvent("user.refused") { UserId = user?.Id, Address = address, Reason = "the name is locked" });
            return OAuthError.Locked();
        }
        // An unknown name costs as much time as a wrong password, and gets the same answer.
        var check = await SlowHash.VerifyAsync(place, password, user?.PasswordHash);
        if (check == HashCheck.Mismatch || !user!.Active)
        {
            Log.Refused(logger, user?.Id ?? "(unknown)");
            audit.Record(new AuditEvent("user.refused")
            {
                UserId = user?.Id,
                Address = address,
                Reason = user is null ? "unknown user" : check == HashCheck.Mismatch ? "wrong password" : "not active",
            });
            return OAuthError.BadCredentials("user authentication failed");
        }
        await failures.ClearAsync(Zone.Default, nameHash, CancellationToken.None);
        if (!user.Verified) return OAuthError.AccessDenied("Account not verified");
        if (user.PasswordChangeRequired) return OAuthError.Unauthorized("password change required");
        if (SlowHash.IsOutdated(user.PasswordHash!))
            await users.RehashAsync(user, await SlowHash.HashAsync(place, password), CancellationToken.None);
        await users.SignedInAsync(user, now, CancellationToken.None);
        Log.SignedIn(logger, user.Id);
        return user;
    }

    private Gate Enter(string nameHash)
    {
        while (true)
        {
            var gate = _gates.GetOrAdd(nameHash, _ => new Gate());
            lock (gate)
            {
                if (gate.Users < 0) continue;
                gate.Users++;
                return gate;
            }
        }
    }

    private void Leave(string nameHash, Gate gate)
    {
        lock (gate)
        {
            if (--gate.Users > 0) return;
            gate.Users = -1;
            _gates.TryRemove(nameHash, out _);
        }
    }

    private sealed class Gate
    {
        public SemaphoreSlim Open { get; } = new(AtOnce);

        /// <summary>How many hold this gate; -1 once it is no longer in the table.</summary>
        public int Users { get; set; }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.SignedIn, LogLevel.Information, "User {UserId} signed in by password")]
        public static partial void SignedIn(ILogger logger, string userId);

        [LoggerMessage(EventIds.SignInRefused, LogLevel.Information, "User {UserId} did not sign in: wrong password or not active")]
        public static partial void Refused(ILogger logger, string userId);

        [LoggerMessage(EventIds.SignInLocked, LogLevel.Warning, "A sign-in was refused because the name {NameHash} is locked")]
        public static partial void Locked(ILogger logger, string nameHash);
    }
}
