using Microsoft.Extensions.Primitives;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Passport;

/// <summary>
/// For services that need a token of auth's own (<c>relay: exchange</c>): the caller's is exchanged for one to that service alone,
/// in which the gateway stands as the one who acts (RFC 8693). Kept with the caller until shortly before it ends.
/// </summary>
internal sealed class TokenExchange(AuthCalls auth, LastGood<ExchangeOptions> options, TimeProvider time) : IDisposable
{
    private const string Grant = "urn:ietf:params:oauth:grant-type:token-exchange";
    private const string AccessToken = "urn:ietf:params:oauth:token-type:access_token";
    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _early = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan _negative = TimeSpan.FromSeconds(5);
    private readonly AuthCall _exchange = new("/uaa/oauth/token", TimeSpan.FromSeconds(5));
    private readonly Flights<(Caller, PassportProfile), Shown> _flights = new();

    public ValueTask<Shown> ShowAsync(Caller caller, Route route, HttpContext http)
    {
        if (Find(caller, route) is { } known) return new(known);
        if (Fault(caller) is { } fault) return new(new Shown(null, fault));
        if ((caller.Token ?? Shown(http.Request.Headers.Authorization)) is not { } token) return new(new Shown(null, Refusal.Missing));
        return _flights.JoinAsync((caller, route.Passport), stop => ExchangeAsync(caller, token, route, stop), http.RequestAborted);
    }

    /// <summary>Why auth need not be asked: an API token cannot make more of itself, and a bound one is of use in its holder's hands alone.</summary>
    public static Refusal? Fault(Caller caller) =>
        caller.Credential is CredentialKind.ApiToken ? Refusal.NotTaken("API tokens are not exchanged")
        : caller.Bound is not null ? Refusal.NotTaken("tokens that are bound to a key are not exchanged")
        : null;

    public void Dispose() => _flights.Dispose();

    private async Task<Shown> ExchangeAsync(Caller caller, string token, Route route, CancellationToken cancellationToken)
    {
        if (Find(caller, route) is { } meanwhile) return meanwhile;
        var client = options.Value;
        var form = new List<KeyValuePair<string, string>>
        {
            new("grant_type", Grant), new("subject_token", token), new("subject_token_type", AccessToken), new("audience", "mesh://" + route.Service),
        };
        // Those alone that the route is about, as in a passport.
        form.Add(new("scope", string.Join(' ', route.Policy.Narrow(caller.Scopes))));
        var asked = Moment.Now(time);
        var answer = await auth.PostAsync(_exchange, (client.ClientId, client.ClientSecret), form, caller: null, cancellationToken);
        if (answer.Status == 200 && Caller.Text(answer.Body, "access_token") is { Length: > 0 } exchanged && !exchanged.Any(c => c is <= ' ' or > '~'))
        {
            var life = TimeSpan.FromSeconds(Math.Clamp(Caller.Seconds(answer.Body, "expires_in") ?? 60, 1, 43_200));
            return Keep(new ExchangedToken(new Shown("Bearer " + exchanged, null), asked, life > 2 * _early ? life - _early : life / 2));
        }
        var refusal = RefusalOf(answer, route, client.ClientId);
        return refusal.Problem.Status is 401 or 403 ? Keep(new ExchangedToken(new Shown(null, refusal), asked, _negative)) : new Shown(null, refusal);

        Shown Keep(ExchangedToken kept)
        {
            caller.Keep(route.Passport, kept);
            return kept.Shown;
        }
    }

    private static Refusal RefusalOf(AuthAnswer answer, Route route, string client) => (answer.Status, answer.Error) switch
    {
        (400, "invalid_request" or "invalid_grant" or "invalid_token") => Refusal.Invalid("auth does not exchange the token: " + answer.Error),
        (400, "invalid_scope") => Refusal.Scope(route.Policy.AnyScope.Count > 0 ? route.Policy.AnyScope : route.Policy.AllScopes, "none of the scopes is one of the client that exchanges, " + client),
        // What the operator has to mend, not the caller.
        ( >= 400 and < 500 and not 429, { } error) => Refusal.Unavailable(_soon, $"auth does not let the client {client} exchange tokens for {route.Service}: {error}"),
        _ => answer.Unusable(),
    };

    private Shown? Find(Caller caller, Route route) =>
        caller.Exchanged is { } shelf && shelf.TryGetValue(route.Passport, out var kept) && kept.Asked.Age(time) < kept.Use ? kept.Shown : null;

    private static string? Shown(StringValues authorization) => authorization.ToString() is var header && header.IndexOf(' ', StringComparison.Ordinal) is > 0 and var space ? header[(space + 1)..] : null;
}

/// <summary>What came of an exchange.</summary>
/// <param name="Shown">The header for the service, or why there is none.</param>
/// <param name="Asked">When auth was asked.</param>
/// <param name="Use">For how long it is used.</param>
internal sealed record ExchangedToken(Shown Shown, Moment Asked, TimeSpan Use);
