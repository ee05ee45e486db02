using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Token;

/// <summary>One value of <c>grant_type</c>: finds out who and what the tokens are for. A new grant is a class and a line in <see cref="TokenSlice"/>.</summary>
internal interface IGrant
{
    string GrantType { get; }

    /// <summary>UAA's clients expect nothing of its own here: refusals have the form of the RFC, whatever the client's wire.</summary>
    bool IsStandardOnly => false;

    /// <summary>The scope of the access token that the caller shows in place of a client's credentials; null when it shows credentials.</summary>
    string? BearerScope => null;

    /// <summary>The name of a public client is enough, because the grant itself proves that the client began what it now ends.</summary>
    bool AllowsPublicClients => false;

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

    /// <summary>What a renewal may ask for, when this token is for some of it alone (RFC 8707 §2.2); null: <see cref="Resources"/>.</summary>
    public IReadOnlyList<string>? GrantedResources { get; init; }

    /// <summary>Claim <c>grant_type</c>: a refresh keeps the one the user signed in with.</summary>
    public required string GrantType { get; init; }

    /// <summary>When the user authenticated.</summary>
    public DateTimeOffset? AuthTime { get; init; }

    /// <summary>Names this authorization wherever it is renewed: claim <c>grant_id</c> and id of the refresh family. Null when nobody will need to end it.</summary>
    public string? GrantId { get; init; }

    /// <summary>The browser session behind it: claim <c>sid</c>. Its end ends the tokens.</summary>
    public string? SessionId { get; init; }

    /// <summary>What the sign-in was like; goes along with the refresh tokens.</summary>
    public SignInDetails Details { get; init; } = new();

    /// <summary>Of the request for a code, for the id token alone.</summary>
    public string? Nonce { get; init; }

    /// <summary>The key or certificate that the access token is bound to (claim <c>cnf</c>).</summary>
    public Confirmation? Confirmation { get; init; }

    /// <summary>Claim <c>act</c> (RFC 8693 §4.1), a JSON object; null when nobody acts for another.</summary>
    public string? Actor { get; init; }

    /// <summary>The token may not live longer than what it was made from.</summary>
    public DateTimeOffset? ExpiresNoLater { get; init; }

    /// <summary>Token exchange: what was issued (RFC 8693 §2.2.1).</summary>
    public string? IssuedTokenType { get; init; }

    /// <summary><c>jwt</c> or <c>opaque</c> as the request has it; null: as the client is registered.</summary>
    public string? TokenFormat { get; init; }

    /// <summary>Where the request comes from, for the audit.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>The answer has a refresh token alone (UAA's <c>user_token</c>).</summary>
    public bool WithoutAccessToken { get; init; }

    /// <summary>The refresh token to answer with, stored already; null when the issuer may start a family.</summary>
    public string? RefreshToken { get; init; }
}

/// <summary>What a token is bound to (RFC 7800 §3.1): one of the two.</summary>
/// <param name="Jkt">Thumbprint of a DPoP key (RFC 9449 §6.1).</param>
/// <param name="X5t">SHA-256 of a certificate (RFC 8705 §3.1).</param>
internal sealed record Confirmation(string? Jkt, string? X5t);

/// <summary>What the tokens of a sign-in tell of it however often it is renewed.</summary>
internal sealed record SignInDetails
{
    /// <summary>Claim <c>amr</c> (RFC 8176), for example <c>pwd</c>.</summary>
    [JsonPropertyName("amr")] public IReadOnlyList<string> Amr { get; init; } = [];

    [JsonPropertyName("acr")] public string? Acr { get; init; }

    /// <summary>The DPoP key that the refresh tokens of a public client are bound to.</summary>
    [JsonPropertyName("jkt")] public string? Jkt { get; init; }

    /// <summary>Claim <c>az_attr</c>, a JSON object.</summary>
    [JsonPropertyName("az_attr")] public JsonElement? AzAttr { get; init; }

    /// <summary>Parameter <c>claims</c> (OpenID Connect Core §5.5), a JSON object.</summary>
    [JsonPropertyName("claims")] public JsonElement? Claims { get; init; }

    /// <summary>The issuer whose assertion it came from (RFC 7523); once that is not trusted any more, nothing is renewed (J-03).</summary>
    [JsonPropertyName("idp")] public string? TrustedIssuer { get; init; }

    /// <summary>The user agreed to access while away (scope <c>offline_access</c>): the end of the session does not end it.</summary>
    [JsonPropertyName("offline")] public bool Offline { get; init; }

    /// <summary>The refresh token was given to a client without a secret of its own.</summary>
    [JsonPropertyName("public")] public bool Public { get; init; }

    public static SignInDetails Parse(string json) => JsonSerializer.Deserialize(json, SignInDetailsJson.Default.SignInDetails) ?? new();

    public string ToJson() => JsonSerializer.Serialize(this, SignInDetailsJson.Default.SignInDetails);
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(SignInDetails))]
internal sealed partial class SignInDetailsJson : JsonSerializerContext;
