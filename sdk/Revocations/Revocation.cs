using System.Text.Json;

namespace SecureMesh.Sdk;

/// <summary>What a revocation ends.</summary>
internal enum RevocationKind
{
    /// <summary>One token, by <c>jti</c>.</summary>
    Token,

    /// <summary>All tokens of one authorization, by <c>grant_id</c>.</summary>
    Grant,

    /// <summary>All tokens of a browser session, by <c>sid</c>.</summary>
    Session,

    /// <summary>Everything that a key signed, by <c>kid</c>.</summary>
    Key,

    /// <summary>The tokens of a user (<c>user_id</c>) that were issued before a moment; with a client id, those of this client alone.</summary>
    User,

    /// <summary>The tokens of a client (<c>client_id</c>) that were issued before a moment.</summary>
    Client,

    /// <summary>All tokens of a zone (<c>zid</c>) that were issued before a moment.</summary>
    Zone,
}

/// <summary>One revocation as it comes over the feed.</summary>
/// <param name="Sequence">Its number, in the order of commits.</param>
/// <param name="Kind">What it ends.</param>
/// <param name="ZoneId">The zone of the tokens.</param>
/// <param name="Subject">The value of the claim that names what ended.</param>
/// <param name="ClientId">With a user: of this client alone.</param>
/// <param name="NotBefore">Tokens whose <c>iat</c> is less are ended; <see cref="long.MaxValue"/> when all are.</param>
/// <param name="ExpiresAt">When no token that it can concern is left.</param>
internal readonly record struct Revocation(
    long Sequence, RevocationKind Kind, string ZoneId, string Subject, string? ClientId, long NotBefore, DateTimeOffset ExpiresAt)
{
    private const int LongestName = 2048;
    private static readonly long LastSecond = DateTimeOffset.MaxValue.ToUnixTimeSeconds();

    /// <summary>Reads the data of a <c>revocation</c> event.</summary>
    /// <returns>Null when it is none: whatever is missing or odd, nothing of it is guessed.</returns>
    public static Revocation? Read(JsonElement data)
    {
        if (Whole(data, "sequence") is not (> 0 and var sequence)) return null;
        if (Kinds(Text(data, "kind")) is not { } kind) return null;
        if (Text(data, "subject") is not { } subject || Text(data, "zone") is not { } zone) return null;
        if (Whole(data, "expiresAt") is not { } expiresAt) return null;
        if (kind is not (RevocationKind.User or RevocationKind.Client or RevocationKind.Zone))
            return new(sequence, kind, zone, subject, null, long.MaxValue, DateTimeOffset.FromUnixTimeSeconds(expiresAt));
        if (Whole(data, "notBefore") is not { } notBefore) return null;
        // A client id that cannot be read must not make all clients of it.
        var client = data.TryGetProperty("clientId", out var member) && member.ValueKind != JsonValueKind.Null ? Text(data, "clientId") : null;
        if (client is null && member.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined)) return null;
        return new(sequence, kind, zone, subject, kind == RevocationKind.User ? client : null, notBefore, DateTimeOffset.FromUnixTimeSeconds(expiresAt));
    }

    /// <summary>A number from 0 to the last second of the calendar; null when it is none.</summary>
    public static long? Whole(JsonElement data, string name) =>
        data.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var whole) && whole >= 0 && whole <= LastSecond
            ? whole
            : null;

    private static string? Text(JsonElement data, string name) =>
        data.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 and <= LongestName } text ? text : null;

    private static RevocationKind? Kinds(string? kind) => kind switch
    {
        "token" => RevocationKind.Token,
        "grant" => RevocationKind.Grant,
        "session" => RevocationKind.Session,
        "key" => RevocationKind.Key,
        "user" => RevocationKind.User,
        "client" => RevocationKind.Client,
        "zone" => RevocationKind.Zone,
        _ => null,
    };
}
