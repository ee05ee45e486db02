using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Inspection;

/// <summary>A token that is good at this moment, and whom it stands for.</summary>
/// <param name="Client">The client that holds the token.</param>
/// <param name="User">Null for a client in its own name.</param>
/// <param name="Claims">All claims.</param>
internal sealed record VerifiedToken(Client Client, User? User, JsonElement Claims)
{
    private byte[]? _uaaAnswer;
    private byte[]? _standardAnswer;

    public IReadOnlyList<string> Scopes { get; } = Texts(Claims, "scope");

    public IReadOnlyList<string> Audience { get; } = Texts(Claims, "aud");

    public string Subject => Claims.GetProperty("sub").GetString()!;

    public string GrantType => Claims.GetProperty("grant_type").GetString()!;

    /// <summary>By what it can be revoked.</summary>
    public TokenMarks Marks { get; init; }

    public DateTimeOffset ExpiresAt { get; init; }

    /// <summary>The token is an API token: it stands for its owner, but cannot make more of itself.</summary>
    public bool IsApiToken { get; init; }

    /// <summary>What introspection says of it; written once, because services ask for the same token again and again.</summary>
    public byte[] Introspection(bool standard) => standard
        ? _standardAnswer ??= InspectionAnswer.Write(this, standard: true)
        : _uaaAnswer ??= InspectionAnswer.Write(this, standard: false);

    private static string[] Texts(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var array) ? [.. array.EnumerateArray().Select(value => value.GetString()!)] : [];
}
