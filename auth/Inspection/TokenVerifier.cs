using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Users;

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
internal sealed class TokenVerifier(OwnTokens tokens, KnownClients clients, IUsers users, RevocationState revocations, RevocationFollower follower)
{
    /// <summary>The token, or why it is not good; the reason is for the log.</summary>
    public async Task<Result<VerifiedToken, string>> VerifyAsync(string token, CancellationToken cancellationToken)
    {
        var verified = await tokens.VerifyAsync(token, "at+jwt", cancellationToken: cancellationToken);
        if (!verified.IsSuccess) return verified.Error;
        var good = verified.Value;
        if (Text(good, "token_use") != "access" || Text(good, "zid") != Zone.Default || Text(good, "grant_type") is null)
            return "not an access token of this service";
        // Without a word from the database what is in memory may be old: better no answer than yes.
        if (!follower.IsCurrent) await follower.CatchUpAsync(cancellationToken);
        if (revocations.IsRevoked(TokenMarks.Of(good, CompactJws.Read(token).Value!.Kid))) return "revoked";

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

    private static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
