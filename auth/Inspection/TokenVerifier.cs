using System.Buffers.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Inspection;

/// <summary>A token that is good at this moment, and whom it stands for.</summary>
/// <param name="Client">The client that holds the token.</param>
/// <param name="User">Null for a client in its own name.</param>
/// <param name="Claims">All claims as signed.</param>
internal sealed record VerifiedToken(Client Client, User? User, JsonElement Claims)
{
    public IReadOnlyList<string> Scopes { get; } = Texts(Claims, "scope");

    public IReadOnlyList<string> Audience { get; } = Texts(Claims, "aud");

    public string Subject => Claims.GetProperty("sub").GetString()!;

    public string GrantType => Claims.GetProperty("grant_type").GetString()!;

    private static string[] Texts(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var array) ? [.. array.EnumerateArray().Select(value => value.GetString()!)] : [];
}

/// <summary>Says whether an access token is good: by signature, time and the present state of its user and client.</summary>
internal sealed class TokenVerifier(KeyRing keys, IClients clients, IUsers users, IOptions<MeshOptions> mesh, TimeProvider time)
{
    private const int LongestToken = 16 * 1024;
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };
    private readonly JsonWebTokenHandler _handler = new() { MaximumTokenSizeInBytes = LongestToken };

    /// <summary>The token, or why it is not good; the reason is for the log.</summary>
    public async Task<Result<VerifiedToken, string>> VerifyAsync(string token, CancellationToken cancellationToken)
    {
        if (token.Length > LongestToken) return "longer than any token";
        var result = await _handler.ValidateTokenAsync(token, Parameters());
        if (!result.IsValid) return result.Exception?.GetType().Name ?? "not valid";
        var claims = Claims(((JsonWebToken)result.SecurityToken).EncodedPayload);
        if (claims is not { } good || Text(good, "token_use") != "access" || Text(good, "zid") != Zone.Default || Text(good, "grant_type") is null)
            return "not an access token of this service";

        var client = await clients.FindAsync(Zone.Default, Text(good, "client_id") ?? "", cancellationToken);
        if (client is not { Enabled: true }) return "client gone or disabled";
        User? user = null;
        if (Text(good, "user_id") is { } userId)
        {
            user = await users.FindAsync(Zone.Default, userId, cancellationToken);
            if (user is not { Active: true }) return "user gone or not active";
        }
        return RevocationSignature.Of(client, user) == Text(good, "rev_sig") ? new VerifiedToken(client, user, good) : "revocable signature mismatch";
    }

    // The library's defaults are wide: five minutes of skew, any algorithm, any typ, every key when the kid is unknown.
    private TokenValidationParameters Parameters() => new()
    {
        ValidIssuer = mesh.Value.Issuer,
        ValidateAudience = false, // Who may show the token where is for the endpoint to say.
        ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256],
        ValidTypes = ["at+jwt"],
        RequireSignedTokens = true,
        RequireExpirationTime = true,
        ClockSkew = TimeSpan.Zero,
        LifetimeValidator = (notBefore, expires, _, _) => time.GetUtcNow().UtcDateTime is var now && expires > now && !(notBefore > now),
        TryAllIssuerSigningKeys = false,
        IssuerSigningKeyResolver = (_, _, kid, _) => [.. keys.Published.Where(key => key.Kid == kid).Select(key => new ECDsaSecurityKey(key.Public.Key) { KeyId = key.Kid })],
    };

    private static JsonElement? Claims(string payload)
    {
        try
        {
            return JsonDocument.Parse(Base64Url.DecodeFromChars(payload), Strict).RootElement;
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            return null;
        }
    }

    private static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
