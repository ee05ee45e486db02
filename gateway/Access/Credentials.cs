using System.Net;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>From credential to caller: looked up when it was seen before, checked once when not.</summary>
internal sealed class Credentials : IDisposable
{
    /// <summary>How long a bad credential is refused without being looked at again.</summary>
    private static readonly TimeSpan _negative = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(1);

    private readonly ICredentialCheck?[] _checks = new ICredentialCheck?[Enum.GetValues<CredentialKind>().Length];
    private readonly CredentialCache<Caller> _callers;
    private readonly CredentialCache<Remembered> _refusals;
    private readonly Flights<CredentialKey, Verdict> _flights = new();
    private readonly ITokenRevocations _revocations;
    private readonly TimeProvider _time;

    public Credentials(IEnumerable<ICredentialCheck> checks, ITokenRevocations revocations, TimeProvider time, AccessLimits limits)
    {
        foreach (var check in checks)
        {
            foreach (var kind in check.Kinds)
                _checks[(int)kind] = _checks[(int)kind] is null ? check : throw new InvalidOperationException($"two checks for {kind}");
        }
        (_revocations, _time) = (revocations, time);
        _callers = new(limits.Callers, CredentialKey.ByEnd);
        _refusals = new(limits.Refusals);
    }

    /// <summary>How many bad credentials are remembered.</summary>
    public int RefusedCount => _refusals.Count;

    /// <summary>How many callers are remembered.</summary>
    public int Count => _callers.Count;

    /// <summary>The caller, when the credential was checked before and is still good; without waiting for anybody.</summary>
    public Caller? Find(in Presented credential) => Find(KeyOf(credential));

    /// <summary>The same for a token that still stands in its header.</summary>
    public Caller? Find(CredentialKind kind, ReadOnlySpan<char> text) =>
        _callers.Find(new ShownKey(kind, text, _checks[(int)kind]?.AskedAt)) is { } caller && IsGood(caller) ? caller : null;

    private Caller? Find(in CredentialKey key)
    {
        if (_callers.Find(key) is not { } caller) return null;
        if (IsGood(caller)) return caller;
        if (caller.Until <= Now || caller.IsRevoked(_revocations)) _callers.Forget(key, caller);
        return null;
    }

    private bool IsGood(Caller caller) =>
        caller.Until > Now && !caller.IsRevoked(_revocations) && (caller.FreshUntil == long.MaxValue || caller.FreshUntil > _time.GetTimestamp());

    /// <summary>The caller, or why there is none.</summary>
    /// <param name="credential">What was shown.</param>
    /// <param name="address">The caller's address.</param>
    /// <param name="cancellationToken">The caller leaves; the check goes on for the others who wait for it.</param>
    public async ValueTask<Verdict> CheckAsync(Presented credential, IPAddress? address, CancellationToken cancellationToken)
    {
        var key = KeyOf(credential);
        if (Find(key) is { } known) return known;
        if (_checks[(int)credential.Kind] is not { } check) return Refusal.NotTaken($"nobody here checks credentials of the kind {credential.Kind.Name()}");
        if (check.Fault(credential) is { } fault) return fault;
        var refused = key.Hashed(); // of what anybody can make up, no more than this is kept
        if (Refused(refused) is { } before) return before;
        return await _flights.JoinAsync(key, stop => RunAsync(check, credential, key, refused, address, stop), cancellationToken);
    }

    public void Dispose() => _flights.Dispose();

    private async Task<Verdict> RunAsync(ICredentialCheck check, Presented credential, CredentialKey key, CredentialKey refused, IPAddress? address, CancellationToken stop)
    {
        // Whoever was here a moment ago may have found out meanwhile.
        if (Find(key) is { } found) return found;
        if (Refused(refused) is { } before) return before;
        // One that was good when it was last asked about takes nobody's turn: a flood of bad ones does not end it.
        var known = _callers.Find(key);
        var turns = known is null ? check.Turns : null;
        if (turns is not null && !await turns.EnterAsync(address, stop)) return Refusal.Unavailable(_soon, "too many unknown credentials wait to be checked, in all or of this address");
        try
        {
            var verdict = Judge(await check.CheckAsync(credential, address, stop));
            if (verdict.Caller is { } caller) _callers.Add(key, caller);
            else if (verdict.Refusal!.Lasts)
            {
                if (known is not null) _callers.Forget(key, known);
                _refusals.Add(refused, new Remembered(verdict.Refusal, _time.GetTimestamp()));
            }
            return verdict;
        }
        finally
        {
            turns?.Leave(address);
        }
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private CredentialKey KeyOf(in Presented credential) => CredentialKey.Of(credential.Kind, credential.Text, _checks[(int)credential.Kind]?.AskedAt);

    private Refusal? Refused(in CredentialKey key) => _refusals.Find(key) is { } remembered && _time.GetElapsedTime(remembered.At) < _negative ? remembered.Refusal : null;

    private Verdict Judge(Verdict verdict)
    {
        if (verdict.Caller is not { } caller) return verdict;
        if (caller.Until <= Now) return Refusal.Expired;
        return caller.IsRevoked(_revocations) ? Refusal.Invalid("revoked") : verdict;
    }

    private sealed record Remembered(Refusal Refusal, long At);
}

/// <summary>How much is remembered.</summary>
/// <param name="Callers">Good credentials.</param>
/// <param name="Refusals">Bad ones.</param>
internal sealed record AccessLimits(int Callers = 20_000, int Refusals = 10_000);
