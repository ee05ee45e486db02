using System.Security.Cryptography;
using System.Text;

namespace SecureMesh.Gateway.Access.Dpop;

/// <summary>The proofs that this gateway was shown, for as long as they could be shown again, in bounded memory.</summary>
/// <remarks>
/// Two generations, each at least as long as a proof can be good. Only proofs that are good in all else come in, so whoever would
/// fill it needs good tokens, and fills no more than his share: keys cost nothing, so it is the caller's, whatever their number.
/// A share is a two-hundredth, so that it takes as many accounts to keep out all others. A proof takes 28 to 58 bytes.
/// </remarks>
internal sealed class ShownProofs(TimeProvider time, int most = 4_000_000, int mostOfOne = 20_000)
{
    /// <summary>A proof is good from 30 s before to 60 s after its <c>iat</c>.</summary>
    private static readonly TimeSpan _generation = TimeSpan.FromSeconds(90);

    private readonly Lock _gate = new();
    private Generation _young = new(0, 0);
    private Generation _old = new(0, 0);
    private long _began = time.GetTimestamp();

    public int Count
    {
        get { lock (_gate) return _young.Proofs.Count + _old.Proofs.Count; }
    }

    /// <summary>Remembers the proof.</summary>
    /// <param name="caller">Whose share it takes.</param>
    /// <param name="keyThumbprint">The key that signed it.</param>
    /// <param name="id">Its <c>jti</c>.</param>
    public ShownProof Show((string Zone, string Subject) caller, string keyThumbprint, string id)
    {
        // Of any length, and written by the caller: what is kept has one.
        var (proof, whose) = (Key.Of(keyThumbprint + "." + id), Key.Of(caller.Zone + "\n" + caller.Subject));
        lock (_gate)
        {
            Turn();
            if (_young.Proofs.Contains(proof) || _old.Proofs.Contains(proof)) return ShownProof.Before;
            var ofCaller = _young.ByCaller.GetValueOrDefault(whose);
            if (ofCaller >= mostOfOne / 2) return ShownProof.TooMany;
            if (_young.Proofs.Count >= most / 2) return ShownProof.Full;
            _young.Proofs.Add(proof);
            _young.ByCaller[whose] = ofCaller + 1;
            return ShownProof.First;
        }
    }

    private void Turn()
    {
        var age = time.GetElapsedTime(_began);
        if (age < _generation) return;
        _old = age < _generation * 2 ? _young : new Generation(0, 0);
        // As large as the last one came to be: growing to that, all would wait for the copying.
        _young = new Generation(_old.Proofs.Count, _old.ByCaller.Count);
        _began = time.GetTimestamp();
    }

    private sealed class Generation(int proofs, int callers)
    {
        public HashSet<Key> Proofs { get; } = new(proofs);

        public Dictionary<Key, int> ByCaller { get; } = new(callers);
    }

    private readonly record struct Key(long A, long B)
    {
        public static Key Of(string text)
        {
            var hash = SHA256.HashData(Encoding.UTF8.GetBytes(text));
            return new Key(BitConverter.ToInt64(hash, 0), BitConverter.ToInt64(hash, 8));
        }
    }
}

/// <summary>What it means that a proof is shown.</summary>
internal enum ShownProof
{
    /// <summary>It is good.</summary>
    First,

    /// <summary>It was shown before.</summary>
    Before,

    /// <summary>The caller has shown as many as one may.</summary>
    TooMany,

    /// <summary>Nothing more can be remembered, and what cannot be remembered is not taken.</summary>
    Full,
}
