namespace SecureMesh.Cli.Credentials;

/// <summary>Where a token comes from.</summary>
internal enum BearerOrigin
{
    SignIn,

    /// <summary>MESH_TOKEN.</summary>
    Variable,

    /// <summary>MESH_CLIENT_SECRET, exchanged for a token just now.</summary>
    Client,

    /// <summary>A header that the caller wrote.</summary>
    Header,
}

/// <summary>A token to call with. A class: a record would print it.</summary>
internal sealed class Bearer(BearerOrigin origin, string token, string? scope)
{
    public BearerOrigin Origin { get; } = origin;

    public string Token { get; } = token;

    /// <summary>Its scopes as far as they are known here.</summary>
    public string? Scope { get; } = scope;
}
