namespace SecureMesh.Auth.Clients;

/// <summary>An OAuth client as registered.</summary>
internal sealed record Client
{
    public required string ZoneId { get; init; }
    public required string Id { get; init; }
    public required string Name { get; init; }

    /// <summary>See <see cref="ClientSecret"/>; null when the client cannot authenticate by secret.</summary>
    public string? SecretHash { get; init; }

    /// <summary>A second live secret, for a change without a gap.</summary>
    public string? OlderSecretHash { get; init; }

    /// <summary>When the older secret ends; null means when it is removed.</summary>
    public DateTimeOffset? OlderSecretExpiresAt { get; init; }

    /// <summary>The client has no secret and proves itself by PKCE.</summary>
    public bool AllowPublic { get; init; }

    public required IReadOnlyList<string> GrantTypes { get; init; }

    /// <summary>What the client may ask for on behalf of users; <c>*</c> stands for one run without dots.</summary>
    public required IReadOnlyList<string> Scopes { get; init; }

    /// <summary>What the client may do in its own name.</summary>
    public required IReadOnlyList<string> Authorities { get; init; }

    public IReadOnlyList<string> RedirectUris { get; init; } = [];
    public IReadOnlyList<string> AutoApprove { get; init; } = [];
    public TimeSpan? AccessTokenValidity { get; init; }
    public TimeSpan? RefreshTokenValidity { get; init; }

    /// <summary><c>uaa</c> or <c>rfc</c>: which error forms the client expects.</summary>
    public string Wire { get; init; } = "uaa";

    /// <summary>Changed to end every token of the client.</summary>
    public required string TokenSalt { get; init; }

    /// <summary>Further fields of the registration.</summary>
    public ClientMetadata Metadata { get; init; } = new();

    public bool Enabled { get; init; } = true;
    public bool Demo { get; init; }
}

/// <summary>The clients of all zones.</summary>
internal interface IClients
{
    Task<Client?> FindAsync(string zoneId, string clientId, CancellationToken cancellationToken);

    /// <summary>Adds the client unless its id is taken.</summary>
    /// <returns>True when it was added.</returns>
    Task<bool> TryAddAsync(Client client, CancellationToken cancellationToken);

    /// <summary>Replaces the secret of an existing client when the hash differs.</summary>
    /// <returns>True when it was replaced.</returns>
    Task<bool> ReplaceSecretAsync(string zoneId, string clientId, string secretHash, CancellationToken cancellationToken);
}
