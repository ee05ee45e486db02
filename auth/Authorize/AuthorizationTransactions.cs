using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Authorize;

/// <summary>
/// Requests under way, as rows that only the browser which began them can open (V-033, V-062). The row holds what was asked, not
/// what was found good: that is found out anew each time (V-055).
/// </summary>
internal sealed class AuthorizationTransactions(ITransactionStore store, AuthorizationRequests requests, BegunRequests begun, TimeProvider time) : IAuthorizationTransactions
{
    /// <summary>Long enough to find a password, or to be created an account.</summary>
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(20);

    private static readonly BrowserCookie Cookie = new("sm-authorize");

    /// <summary>Keeps a request and returns the name under which it goes on; an error when its address has begun too many.</summary>
    /// <param name="http">The request; its answer gets the cookie.</param>
    /// <param name="request">What to keep.</param>
    /// <param name="claimed">False for a form of another site: the browser has kept its cookies back, and claims the transaction when it comes next.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<string, OAuthError>> BeginAsync(HttpContext http, AuthorizationRequest request, bool claimed, CancellationToken cancellationToken)
    {
        if (begun.Refusal(http) is { } refusal) return refusal;
        var id = Entropy.Token();
        var now = time.GetUtcNow();
        await store.AddAsync(
            new StoredTransaction
            {
                Hash = BrowserCookie.Hash(id),
                ClientId = request.Client.Id,
                BrowserHash = claimed ? BrowserCookie.Hash(Cookie.Read(http.Request) ?? Cookie.Set(http.Response)) : null,
                Parameters = request.Parameters,
                PushedHash = request.PushedHash,
                CreatedAt = now,
                ExpiresAt = now + Lifetime,
            },
            cancellationToken);
        return id;
    }

    /// <summary>The transaction when it is this browser's and alive.</summary>
    public async Task<StoredTransaction?> OpenAsync(HttpContext http, string? id, CancellationToken cancellationToken)
    {
        if (id is null || id.Length != 43) return null;
        var now = time.GetUtcNow();
        var stored = await store.FindAsync(BrowserCookie.Hash(id), now, cancellationToken);
        if (stored is null) return null;
        if (stored.BrowserHash is { } bound) return Browser(http) is { } shown && BrowserCookie.AreSame(bound, shown) ? stored : null;
        var browser = BrowserCookie.Hash(Cookie.Read(http.Request) ?? Cookie.Set(http.Response));
        return await store.TryClaimAsync(stored.Hash, browser, now, cancellationToken) ? stored with { BrowserHash = browser } : null;
    }

    public async Task<AuthorizationTransaction?> FindAsync(HttpContext http, string id, CancellationToken cancellationToken)
    {
        if (await OpenAsync(http, id, cancellationToken) is not { Denied: false } stored) return null;
        var request = await requests.ReadAsync(stored.Parameters, stored.PushedHash, cancellationToken);
        if (!request.IsSuccess) return null;
        return new AuthorizationTransaction
        {
            Id = id,
            Client = request.Value.Client,
            Scopes = request.Value.Scopes,
            Resources = request.Value.Resources,
            Prompt = request.Value.Prompt,
            LoginHint = stored.Parameters["login_hint"],
            HintedUserId = request.Value.HintedUserId,
            UiLocales = stored.Parameters["ui_locales"],
            RedirectOrigin = RedirectUris.Origin(request.Value.Target.RedirectUri),
            Authenticated = stored.AuthenticatedSession is not null,
        };
    }

    public async Task<bool> MarkAuthenticatedAsync(HttpContext http, string id, Session session, CancellationToken cancellationToken) =>
        Browser(http) is { } browser && await store.AuthenticatedAsync(BrowserCookie.Hash(id), browser, session.Id, time.GetUtcNow(), cancellationToken);

    public async Task<bool> MarkConsentedAsync(HttpContext http, string id, Session session, IReadOnlyList<string> scopes, CancellationToken cancellationToken) =>
        Browser(http) is { } browser && await store.ConsentedAsync(BrowserCookie.Hash(id), browser, session.UserId, scopes, time.GetUtcNow(), cancellationToken);

    public async Task<bool> DenyAsync(HttpContext http, string id, CancellationToken cancellationToken) =>
        Browser(http) is { } browser && await store.DeniedAsync(BrowserCookie.Hash(id), browser, time.GetUtcNow(), cancellationToken);

    private static string? Browser(HttpContext http) => Cookie.Read(http.Request) is { } secret ? BrowserCookie.Hash(secret) : null;
}
