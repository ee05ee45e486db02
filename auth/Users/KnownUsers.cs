using SecureMesh.Auth.Revocation;

namespace SecureMesh.Auth.Users;

/// <summary>
/// Keeps users in memory for the check of tokens, which asks for the same one at each request. Whatever changes a user, or the
/// groups of one, tells it (<see cref="IInvalidations"/>); then the user is another object. Signing in reads the database itself.
/// </summary>
internal sealed class KnownUsers
{
    private readonly Known<User> _known;

    public KnownUsers(IUsers store, IInvalidations invalidations)
    {
        _known = new(store.FindAsync, TimeSpan.FromSeconds(5));
        invalidations.Subscribe(Topics.User, _known.Forget);
    }

    public ValueTask<User?> FindAsync(string zoneId, string userId, CancellationToken cancellationToken) => _known.FindAsync(zoneId, userId, cancellationToken);
}
