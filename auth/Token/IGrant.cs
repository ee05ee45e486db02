using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Token;

/// <summary>One value of <c>grant_type</c>: finds out who and what the tokens are for. A new grant is a class and a line in <see cref="TokenSlice"/>.</summary>
internal interface IGrant
{
    string GrantType { get; }

    Task<Result<Authorization, OAuthError>> AuthorizeAsync(TokenRequest request, AuthenticatedClient client, CancellationToken cancellationToken);
}

/// <summary>What a grant found out.</summary>
internal sealed record Authorization
{
    public required AuthenticatedClient Client { get; init; }

    /// <summary>Null when the client acts in its own name.</summary>
    public User? User { get; init; }

    public required IReadOnlyList<string> Scopes { get; init; }

    public required IReadOnlyList<string> Resources { get; init; }

    /// <summary>Claim <c>grant_type</c>: a refresh keeps the one the user signed in with.</summary>
    public required string GrantType { get; init; }

    /// <summary>When the user authenticated.</summary>
    public DateTimeOffset? AuthTime { get; init; }

    /// <summary>The refresh token to answer with, stored already; null when the issuer may start a family.</summary>
    public string? RefreshToken { get; init; }
}
