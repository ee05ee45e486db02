using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Sessions;

namespace SecureMesh.Auth.Authorize;

/// <summary>What the pages for sign-in and consent may know of an authorization request that is under way.</summary>
internal sealed record AuthorizationTransaction
{
    /// <summary>As it stands in the address: 256 random bits, good at the browser that began it alone.</summary>
    public required string Id { get; init; }

    /// <summary>As registered at this moment.</summary>
    public required Client Client { get; init; }

    /// <summary>The scopes asked for; empty when the request named none and means all that are possible.</summary>
    public required IReadOnlyList<string> Scopes { get; init; }

    /// <summary>Where the tokens shall be used (RFC 8707); empty for no limit.</summary>
    public required IReadOnlyList<string> Resources { get; init; }

    /// <summary>The values of <c>prompt</c>.</summary>
    public required IReadOnlyList<string> Prompt { get; init; }

    /// <summary>Whom the client expects, as it wrote it: a name, or UAA's <c>{"origin":"..."}</c>.</summary>
    public string? LoginHint { get; init; }

    /// <summary>The user of <c>id_token_hint</c>; somebody else's sign-in does not complete the request.</summary>
    public string? HintedUserId { get; init; }

    public string? UiLocales { get; init; }

    /// <summary>For <c>form-action</c> of the pages' policy, which browsers apply to the redirect after a form too: an origin, or a scheme and colon.</summary>
    public required string RedirectOrigin { get; init; }

    /// <summary>Somebody signed in within this transaction.</summary>
    public bool Authenticated { get; init; }
}

/// <summary>
/// The authorization requests under way. Each belongs to the browser that began it: another browser finds nothing, whatever
/// id it shows.
/// </summary>
internal interface IAuthorizationTransactions
{
    /// <summary>The live transaction; null for an unknown or ended one and for that of another browser.</summary>
    Task<AuthorizationTransaction?> FindAsync(HttpContext http, string id, CancellationToken cancellationToken);

    /// <summary>Notes that this person has just signed in for this request: from here on <c>prompt=login</c> and <c>max_age</c> are fulfilled.</summary>
    /// <returns>False when there is no such transaction any more.</returns>
    Task<bool> MarkAuthenticatedAsync(HttpContext http, string id, Session session, CancellationToken cancellationToken);

    /// <summary>Notes that the signed-in person agreed to these scopes in this very transaction, as <c>prompt=consent</c> demands.</summary>
    /// <returns>False when there is no such transaction any more.</returns>
    Task<bool> MarkConsentedAsync(HttpContext http, string id, Session session, IReadOnlyList<string> scopes, CancellationToken cancellationToken);

    /// <summary>Notes that the person does not want this: the client gets <c>access_denied</c> when the request is resumed.</summary>
    /// <returns>False when there is no such transaction any more.</returns>
    Task<bool> DenyAsync(HttpContext http, string id, CancellationToken cancellationToken);
}
