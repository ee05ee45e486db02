using SecureMesh.Sdk;

namespace SecureMesh.Auth.Revocation;

/// <summary>The revocations for the SDK's bearer check: this service makes them and follows nobody.</summary>
internal sealed class OwnRevocations(RevocationState state, RevocationFollower follower) : ITokenRevocations
{
    public long Version => state.Version;

    public bool IsCurrent => follower.IsCurrent;

    public TimeSpan Silence => follower.Silence;

    public bool IsRevoked(in TokenMarks token) => state.IsRevoked(token);

    public IDisposable OnChange(Action changed) => new Watcher(state, changed);

    private sealed class Watcher : IDisposable
    {
        private readonly RevocationState _state;
        private readonly Action _changed;

        public Watcher(RevocationState state, Action changed)
        {
            (_state, _changed) = (state, changed);
            state.Changed += changed;
        }

        public void Dispose() => _state.Changed -= _changed;
    }
}
