using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Routes;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Passport;

/// <summary>What a service gets to know of a caller who was let in.</summary>
internal sealed class Identity(PassportMint mint, PassportAnnouncer announcer, TokenExchange exchange)
{
    private static readonly Refusal _notAnnounced = Refusal.Unavailable(TimeSpan.FromSeconds(1), "the passport key of this gateway is not announced yet: auth does not answer, or refuses it");

    /// <summary>Decides without waiting for anybody.</summary>
    /// <returns>False when auth must be asked: <see cref="AskAsync"/>.</returns>
    public bool TryShow(Caller caller, Route route, HttpContext http, out Shown shown)
    {
        if (route.Relay == RelayMode.Exchange)
        {
            shown = default;
            return false;
        }
        shown = Show(caller, route, http);
        return true;
    }

    /// <summary>Why the service would get to know nothing of the caller, as far as that can be told without asking auth.</summary>
    public Refusal? Fault(Caller caller, Route route) => route.Relay switch
    {
        RelayMode.Exchange => TokenExchange.Fault(caller),
        RelayMode.Passport when !announcer.IsAnnounced => _notAnnounced,
        _ => null,
    };

    public ValueTask<Shown> AskAsync(Caller caller, Route route, HttpContext http) => exchange.ShowAsync(caller, route, http);

    private Shown Show(Caller caller, Route route, HttpContext http)
    {
        if (route.Relay == RelayMode.Passthrough) return new Shown(http.Request.Headers.Authorization, null);
        // A passport that no service can verify yet would be refused there, and the caller blamed.
        return announcer.IsAnnounced ? new Shown(mint.For(caller, route), null) : new Shown(null, _notAnnounced);
    }
}

/// <summary>The header for the service, or why there is none.</summary>
internal readonly record struct Shown(string? Authorization, Refusal? Refusal);
