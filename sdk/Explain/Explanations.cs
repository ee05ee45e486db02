namespace SecureMesh.Sdk;

/// <summary>
/// The last refusals, in a ring: as many as were asked for, whoever floods the service. Writing takes neither a lock nor a look at
/// the others; reading looks through all, which administrators alone do.
/// </summary>
/// <param name="capacity">How many are kept; 0 keeps none.</param>
public sealed class Explanations(int capacity)
{
    /// <summary>A caller chooses his trace id and may use it again and again; more than this of one id are not told.</summary>
    private const int MostOfOneId = 8;

    private readonly Explanation?[] _ring = new Explanation?[capacity];
    private long _next = -1;

    /// <summary>Whether an answer of this status is explained: refused for who asks, how or how often, or failed.</summary>
    /// <param name="status">HTTP status.</param>
    public static bool Explains(int status) => status is 401 or 403 or 405 or 421 or 429 or >= 500;

    /// <summary>True when anything is kept at all.</summary>
    public bool Keeps => _ring.Length > 0;

    /// <summary>Keeps one; the oldest makes room for it.</summary>
    /// <param name="explanation">One.</param>
    public void Add(Explanation explanation)
    {
        if (Keeps) _ring[(int)((ulong)Interlocked.Increment(ref _next) % (ulong)_ring.Length)] = explanation;
    }

    /// <summary>Those with the id, newest first.</summary>
    /// <param name="id">A trace id.</param>
    public IReadOnlyList<Explanation> Find(string id) =>
        [.. _ring.OfType<Explanation>().Where(kept => kept.Id == id).OrderByDescending(kept => kept.Time).Take(MostOfOneId)];

    /// <summary>True for 32 hexadecimal digits in lower case (W3C Trace Context §3.2.2.3).</summary>
    /// <param name="text">What an administrator asks for.</param>
    public static bool IsId(string? text) => text is { Length: 32 } && text.All(char.IsAsciiHexDigitLower);
}
