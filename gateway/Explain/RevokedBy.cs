using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Explain;

/// <summary>Which level has ended a token, found by asking about each of its marks alone.</summary>
internal static class RevokedBy
{
    private const long Forever = 253_402_300_799;

    /// <summary>The level and, where it has one, the moment before which everything issued is refused; null when nothing has ended it.</summary>
    public static (string Level, DateTimeOffset? NotBefore)? Of(ITokenRevocations revocations, in TokenMarks marks)
    {
        var none = new TokenMarks(marks.ZoneId, null, null, null, null, "", null, marks.IssuedAt);
        (string, TokenMarks)[] levels =
        [
            ("zone", none), ("key", none with { KeyId = marks.KeyId }), ("token", none with { TokenId = marks.TokenId }), ("grant", none with { GrantId = marks.GrantId }),
            ("session", none with { SessionId = marks.SessionId }), ("user", none with { UserId = marks.UserId }), ("client", none with { ClientId = marks.ClientId }), ("user at this client", marks),
        ];
        foreach (var (level, mark) in levels)
        {
            if (revocations.IsRevoked(mark)) return (level, NotBefore(revocations, mark));
        }
        return null;
    }

    /// <summary>The first second at which a token issued then would still be good.</summary>
    private static DateTimeOffset? NotBefore(ITokenRevocations revocations, TokenMarks mark)
    {
        if (revocations.IsRevoked(mark with { IssuedAt = Forever })) return null; // of this level everything has ended
        var (ended, good) = (mark.IssuedAt, Forever);
        while (good - ended > 1)
        {
            var middle = ended + (good - ended) / 2;
            if (revocations.IsRevoked(mark with { IssuedAt = middle })) ended = middle;
            else good = middle;
        }
        return DateTimeOffset.FromUnixTimeSeconds(good);
    }
}
