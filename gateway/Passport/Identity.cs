using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Routes;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Passport;

/// <summary>What a service gets to know of a caller who was let in.</summary>
internal sealed class Identity(PassportMint mint, PassportAnnouncer announcer)
{
    private static readonly Refusal _notAnnounced = Refusal.Unavailable(TimeSpan.FromSeconds(1), "the passport key of this gateway is not announced yet: auth does not answer, or refuses it");

    public Shown Show(Caller caller, Route route, HttpContext http)
    {
        if (route.Relay == RelayMode.Passthrough) return new Shown(http.Request.Headers.Authorization, null);
        // A passport that no service can verify yet would be refused there, and the caller blamed.
        return announcer.IsAnnounced ? new Shown(mint.For(caller, route), null) : new Shown(null, _notAnnounced);
    }
}

/// <summary>The header for the service, or why there is none.</summary>
internal readonly record struct Shown(string? Authorization, Refusal? Refusal);
