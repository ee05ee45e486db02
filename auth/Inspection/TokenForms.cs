using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Inspection;

/// <summary>One form of access tokens. A new form is a class and a line in <see cref="InspectionSlice"/>.</summary>
internal interface ITokenForm
{
    /// <summary>True when the text looks like a token of this form; the first form that says so judges it.</summary>
    bool Has(string token);

    /// <summary>Reads the token, or says why it is none; the reason is for the log.</summary>
    Task<Result<KnownToken, string>> ReadAsync(string token, CancellationToken cancellationToken);
}

/// <summary>A token that was genuine when it was read: what of it never changes.</summary>
/// <param name="Marks">By what it can be revoked.</param>
/// <param name="ExpiresAt">When it ends.</param>
internal abstract record KnownToken(TokenMarks Marks, DateTimeOffset ExpiresAt)
{
    private VerifiedToken? _last;

    /// <summary>What was found out for the client and the user as they were then.</summary>
    public VerifiedToken? Last
    {
        get => Volatile.Read(ref _last);
        set => Volatile.Write(ref _last, value);
    }

    /// <summary>When it was read.</summary>
    public DateTimeOffset ReadAt { get; set; }

    /// <summary>What the token is worth for its client and user as they are now.</summary>
    public abstract ValueTask<Result<VerifiedToken, string>> RenewAsync(Client client, User? user, CancellationToken cancellationToken);
}

/// <summary>A token with claims of its own: what they say holds as long as <c>rev_sig</c> does.</summary>
internal sealed record KnownClaims(JsonElement Claims, TokenMarks Marks, DateTimeOffset ExpiresAt) : KnownToken(Marks, ExpiresAt)
{
    /// <summary>The token, when the claims are those of an access token of this service.</summary>
    public static Result<KnownToken, string> Of(JsonElement claims, string? kid) =>
        Text(claims, "token_use") == "access" && Text(claims, "zid") == Zone.Default && Text(claims, "grant_type") is not null
        && claims.TryGetProperty("exp", out var exp) && exp.TryGetInt64(out var seconds)
            ? new KnownClaims(claims, TokenMarks.Of(claims, kid), DateTimeOffset.FromUnixTimeSeconds(seconds))
            : "not an access token of this service";

    public override ValueTask<Result<VerifiedToken, string>> RenewAsync(Client client, User? user, CancellationToken cancellationToken) => new(
        RevocationSignature.Of(client, user) == Text(Claims, "rev_sig")
            ? new VerifiedToken(client, user, Claims) { Marks = Marks, ExpiresAt = ExpiresAt }
            : "revocable signature mismatch");

    private static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

/// <summary>Signed access tokens (RFC 9068).</summary>
internal sealed class JwtForm(OwnTokens tokens) : ITokenForm
{
    public bool Has(string token) => token.Contains('.', StringComparison.Ordinal);

    public async Task<Result<KnownToken, string>> ReadAsync(string token, CancellationToken cancellationToken)
    {
        var claims = await tokens.VerifyAsync(token, "at+jwt", cancellationToken: cancellationToken);
        return claims.IsSuccess ? KnownClaims.Of(claims.Value, CompactJws.Read(token).Value!.Kid) : claims.Error;
    }
}
