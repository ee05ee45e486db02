using System.Text.Json.Serialization;

namespace SecureMesh.Cli.Credentials;

/// <summary>One sign-in at one mesh, as the credentials file holds it. A class: a record would print its tokens.</summary>
internal sealed class SignIn
{
    public required string Issuer { get; init; }

    public required string ClientId { get; init; }

    public required Uri TokenEndpoint { get; init; }

    public Uri? RevocationEndpoint { get; init; }

    public Uri? UserInfoEndpoint { get; init; }

    /// <summary>Claim <c>sub</c> of the id token; whoever answers later must be the same.</summary>
    public string? Subject { get; init; }

    public string? UserName { get; init; }

    public required string Scope { get; init; }

    public required string AccessToken { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public string? RefreshToken { get; init; }

    /// <summary>The same sign-in with newer tokens.</summary>
    public SignIn With(Login.Tokens tokens) => new()
    {
        Issuer = Issuer,
        ClientId = ClientId,
        TokenEndpoint = TokenEndpoint,
        RevocationEndpoint = RevocationEndpoint,
        UserInfoEndpoint = UserInfoEndpoint,
        Subject = Subject,
        UserName = UserName,
        Scope = tokens.Scope ?? Scope,
        AccessToken = tokens.AccessToken,
        ExpiresAt = tokens.ExpiresAt,
        RefreshToken = tokens.RefreshToken ?? RefreshToken, // RFC 6749 §6: without a new one the old one goes on
    };
}

/// <summary>The credentials file: sign-ins by the address of the mesh.</summary>
internal sealed class CredentialsDocument
{
    public required int Version { get; init; }

    public required Dictionary<string, SignIn> Targets { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(CredentialsDocument))]
internal sealed partial class CredentialsJson : JsonSerializerContext;
