using System.Diagnostics;
using System.Net.Http.Headers;

namespace SecureMesh.Bench;

/// <summary>One token from its first acceptance at every door to its last.</summary>
internal sealed class Trial(AuthenticationHeaderValue credential, string path, IReadOnlyList<Door> doors)
{
    /// <summary>So long after the last acceptance nothing more is expected.</summary>
    private static readonly TimeSpan Calm = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(60);

    private readonly Lock _lock = new();
    private readonly int[] _accepted = new int[doors.Count];
    private readonly long[] _lastAccepted = new long[doors.Count];
    private readonly bool[] _refused = new bool[doors.Count];
    private readonly bool[] _acceptedAgain = new bool[doors.Count];
    private long _revoked = long.MaxValue;
    private long _over = long.MaxValue;

    public AuthenticationHeaderValue Credential => credential;

    public string Path => path;

    public void Answered(int door, long sent, long answered, bool accepted)
    {
        lock (_lock)
        {
            if (sent > _over)
            {
                _acceptedAgain[door] |= accepted;
            }
            else if (accepted)
            {
                _accepted[door]++;
                // What was sent before the call returned may be accepted.
                if (sent > _revoked) _lastAccepted[door] = Math.Max(_lastAccepted[door], answered);
            }
            else if (sent > _revoked)
            {
                _refused[door] = true;
            }
        }
    }

    /// <summary>Waits until every door has accepted the token a few times.</summary>
    public async Task AcceptedEverywhereAsync()
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            lock (_lock)
                if (_accepted.All(count => count >= 3)) return;
            if (watch.Elapsed > LongestStart) throw new TimeoutException("a token is not accepted: " + string.Join(", ", doors.Where((_, i) => _accepted[i] < 3).Select(door => door.Url)));
            await Task.Delay(5);
        }
    }

    /// <summary>The revoking call has returned.</summary>
    public void Revoked()
    {
        lock (_lock) _revoked = Stopwatch.GetTimestamp();
    }

    /// <summary>Waits until every door refuses the token, or too long.</summary>
    public async Task RefusedEverywhereAsync()
    {
        while (true)
        {
            await Task.Delay(5);
            lock (_lock)
            {
                var last = Math.Max(_lastAccepted.Max(), _revoked);
                if ((!_refused.All(refused => refused) || Stopwatch.GetElapsedTime(last) <= Calm) && Stopwatch.GetElapsedTime(_revoked) <= Longest) continue;
                _over = Stopwatch.GetTimestamp();
                return;
            }
        }
    }

    /// <summary>From the return of the revoking call to the answer of the last request that was accepted nevertheless.</summary>
    public TimeSpan LastAccepted(string kind) => Of(kind).Max(i => _lastAccepted[i] == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(_revoked, _lastAccepted[i]));

    public bool NeverRefused(string kind) => Of(kind).Any(i => !_refused[i]);

    public bool AcceptedAgain(string kind) => Of(kind).Any(i => _refused[i] && _acceptedAgain[i]);

    private IEnumerable<int> Of(string kind) => Enumerable.Range(0, doors.Count).Where(i => doors[i].Kind == kind);
}
