using System.Text.Json.Serialization;

namespace SecureMesh.Gateway.Cors;

/// <summary>Which pages of other origins may call a route and read its answers (Fetch standard, CORS protocol).</summary>
internal sealed record CorsPolicy
{
    /// <summary>Stands for every origin; never together with credentials.</summary>
    public const string Any = "*";

    /// <summary>
    /// Every page may send these with plain values (Fetch standard, CORS-safelisted request-header); browsers ask about them for all
    /// other values, such as the Content-Type of JSON. A page that may call at all may send them, listed or not.
    /// </summary>
    private static readonly string[] _usual = ["Accept", "Accept-Language", "Content-Language", "Content-Type", "Range"];

    /// <summary>Origins as browsers write them, compared byte for byte; or <see cref="Any"/> alone.</summary>
    public IReadOnlyList<string> Origins { get; init; } = [];

    /// <summary>Methods, upper case.</summary>
    public IReadOnlyList<string> Methods { get; init; } = [];

    /// <summary>Request headers beside the usual ones.</summary>
    public IReadOnlyList<string> Headers { get; init; } = [];

    /// <summary>All request headers that a page may send.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> AllHeaders => field ??= [.. Headers.Union(_usual, StringComparer.OrdinalIgnoreCase)];

    /// <summary>Response headers that the page may read beside those that every page may.</summary>
    public IReadOnlyList<string> Exposed { get; init; } = [];

    /// <summary>Whether the page may send what the browser keeps for this host (cookies, client certificates) and read the answer.</summary>
    public bool Credentials { get; init; }

    /// <summary>How long a browser may remember the answer to its question.</summary>
    public TimeSpan MaxAge { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The value of <c>Access-Control-Allow-Origin</c> for the origin; null when it is not allowed.</summary>
    public string? Allow(string origin)
    {
        foreach (var allowed in Origins)
        {
            if (allowed == Any) return Any;
            if (allowed == origin) return origin; // letter by letter: a prefix or a suffix is another's host
        }
        return null;
    }

    /// <summary>Whether a page may send a request with the method and the headers.</summary>
    /// <param name="method">Of <c>Access-Control-Request-Method</c>; case counts.</param>
    /// <param name="headers">Of <c>Access-Control-Request-Headers</c>.</param>
    public bool Takes(string method, IEnumerable<string> headers) =>
        Methods.Contains(method) && headers.All(header => AllHeaders.Contains(header, StringComparer.OrdinalIgnoreCase));
}
