using System.Collections.Concurrent;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>From credential to caller: looked up when it was seen before, checked once when not.</summary>
internal sealed class Credentials : IDisposable
{
    /// <summary>How long a bad credential is refused without being looked at again.</summary>
    private static readonly TimeSpan _negative = TimeSpan.FromSeconds(5);

    private readonly ICredentialCheck?[] _checks = new ICredentialCheck?[Enum.GetValues<CredentialKind>().Length];
    private readonly CredentialCache<Caller> _callers;
    private readonly CredentialCache<Remembered> _refusals;
    private readonly ConcurrentDictionary<CredentialKey, Task<Verdict>> _underWay = new();
    private readonly ITokenRevocations _revocations;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();

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

    /// <summary>How many callers are remembered.</summary>
    public int Count => _callers.Count;

    /// <summary>The caller, when the credential was checked before and is still good; without waiting for anybody.</summary>
    public Caller? Find(in CredentialKey key)
    {
        if (_callers.Find(key) is not { } caller) return null;
        if (caller.Until > _time.GetUtcNow().ToUnixTimeMilliseconds() && !caller.IsRevoked(_revocations)) return caller;
        _callers.Forget(key);
        return null;
    }

    /// <summary>The caller, or why there is none.</summary>
    /// <param name="credential">What was shown.</param>
    /// <param name="key">Its key.</param>
    /// <param name="address">The caller's address.</param>
    /// <param name="cancellationToken">The caller leaves; the check goes on for the others who wait for it.</param>
    public async ValueTask<Verdict> CheckAsync(Presented credential, CredentialKey key, System.Net.IPAddress? address, CancellationToken cancellationToken)
    {
        if (Find(key) is { } known) return known;
        if (_checks[(int)credential.Kind] is not { } check) return Refusal.NotTaken($"nobody here checks credentials of the kind {credential.Kind.Name()}");
        if (check.Fault(credential) is { } fault) return fault;
        var now = _time.GetUtcNow();
        if (_refusals.Find(key) is { } remembered && remembered.Until > now) return remembered.Refusal;

        if (!_underWay.TryGetValue(key, out var running))
        {
            // Not started before it is the one that counts: two at once would be two checks.
            var started = new TaskCompletionSource<Verdict>(TaskCreationOptions.RunContinuationsAsynchronously);
            running = _underWay.GetOrAdd(key, started.Task);
            if (ReferenceEquals(running, started.Task)) _ = RunAsync(check, credential, key, address, started);
        }
        return await running.WaitAsync(cancellationToken);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    /// <summary>Whatever happens, who waits gets an answer and the next one may try.</summary>
    private async Task RunAsync(ICredentialCheck check, Presented credential, CredentialKey key, System.Net.IPAddress? address, TaskCompletionSource<Verdict> waiting)
    {
        Verdict verdict;
        try
        {
            verdict = Judge(await check.CheckAsync(credential, address, _stop.Token));
            if (verdict.Caller is { } caller) _callers.Add(key, caller);
            else if (verdict.Refusal!.Lasts) _refusals.Add(key, new Remembered(verdict.Refusal, _time.GetUtcNow() + _negative));
        }
        catch (Exception e)
        {
            _underWay.TryRemove(key, out _);
            waiting.SetException(e);
            _ = waiting.Task.Exception; // whoever waited may have left
            return;
        }
        _underWay.TryRemove(key, out _);
        waiting.SetResult(verdict);
    }

    private Verdict Judge(Verdict verdict)
    {
        if (verdict.Caller is not { } caller) return verdict;
        if (caller.Until <= _time.GetUtcNow().ToUnixTimeMilliseconds()) return Refusal.Expired;
        return caller.IsRevoked(_revocations) ? Refusal.Invalid("revoked") : verdict;
    }

    private sealed record Remembered(Refusal Refusal, DateTimeOffset Until);
}

/// <summary>How much is remembered.</summary>
/// <param name="Callers">Good credentials.</param>
/// <param name="Refusals">Bad ones.</param>
internal sealed record AccessLimits(int Callers = 20_000, int Refusals = 10_000);
