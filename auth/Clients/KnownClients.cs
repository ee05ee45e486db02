using SecureMesh.Auth.Revocation;

namespace SecureMesh.Auth.Clients;

/// <summary>Keeps clients in memory: a client of a service asks for tokens all day, and the same row would be read each time.</summary>
internal sealed class KnownClients
{
    private readonly Known<Client> _known;

    public KnownClients(IClients store, IInvalidations invalidations)
    {
        _known = new(store.FindAsync, TimeSpan.FromSeconds(1));
        invalidations.Subscribe(Topics.Client, _known.Forget);
    }

    /// <summary>The client as it is now.</summary>
    public ValueTask<Client?> FindAsync(string zoneId, string clientId, CancellationToken cancellationToken) => _known.FindAsync(zoneId, clientId, cancellationToken);
}
