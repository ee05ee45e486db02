using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;

namespace SecureMesh.Auth.Clients;

/// <summary>The registrations of public clients, as far as the origins of their pages need them.</summary>
internal interface IPublicClients
{
    Task<IReadOnlyList<(IReadOnlyList<string> RedirectUris, ClientMetadata Metadata)>> ListAsync(string zoneId, CancellationToken cancellationToken);
}

/// <summary>
/// The origins from which public clients call: those they registered, or those of their redirect URIs. Read once and again when a
/// client changes, because every request of a page asks.
/// </summary>
internal sealed class PublicOrigins : IAllowedOrigins
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);
    private readonly IPublicClients _store;
    private volatile Known? _known;
    private long _generation;

    public PublicOrigins(IPublicClients store, IInvalidations invalidations)
    {
        _store = store;
        invalidations.Subscribe(Topics.Client, _ =>
        {
            Interlocked.Increment(ref _generation);
            _known = null;
        });
    }

    public async ValueTask<bool> IsAllowedAsync(string origin, CancellationToken cancellationToken)
    {
        if (_known is { } known && TimeProvider.System.GetElapsedTime(known.ReadAt) < Longest) return known.Origins.Contains(origin);
        var generation = Interlocked.Read(ref _generation);
        var clients = await _store.ListAsync(Zone.Default, cancellationToken);
        var origins = clients.SelectMany(client => client.Metadata.AllowedCorsOrigins ?? Of(client.RedirectUris, client.Metadata)).ToHashSet(StringComparer.Ordinal);
        // What was read before a change must not be kept after it.
        if (generation == Interlocked.Read(ref _generation)) _known = new Known(origins, TimeProvider.System.GetTimestamp());
        return origins.Contains(origin);
    }

    // Programs on a machine have no pages.
    private static IEnumerable<string> Of(IReadOnlyList<string> redirectUris, ClientMetadata metadata) => metadata.ApplicationType == "native"
        ? []
        : redirectUris.Select(text => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? uri.GetLeftPart(UriPartial.Authority) : null)
            .OfType<string>();

    private sealed record Known(HashSet<string> Origins, long ReadAt);
}
