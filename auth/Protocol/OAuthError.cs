using System.Globalization;
using System.Text.Json;

namespace SecureMesh.Auth.Protocol;

/// <summary>A refused request below <c>/uaa</c> (RFC 6749 §5.2 and RFC 6750 §3, with the codes and texts of UAA).</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Code">The value of <c>error</c>.</param>
/// <param name="Description">What the caller can mend; never whether a user, key or token exists.</param>
internal sealed partial record OAuthError(int Status, string Code, string Description) : IResult
{
    private const string ClientRealm = "Basic realm=\"UAA/client\"";
    private const string BearerRealm = "Bearer realm=\"oauth\"";

    /// <summary>For the log; never leaves the service.</summary>
    public string? Detail { get; init; }

    /// <summary>The scopes that would have been allowed, or that are needed.</summary>
    public string? Scope { get; init; }

    public string? Challenge { get; init; }

    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The methods that the path knows (RFC 9110 §15.5.6).</summary>
    public string? Allow { get; init; }

    /// <summary>The same text once more as <c>message</c>: UAA's errors on user resources have both.</summary>
    public bool AsScim { get; init; }

    public static OAuthError InvalidRequest(string description, string? detail = null) => new(400, "invalid_request", description) { Detail = detail };

    public static OAuthError InvalidGrant(string description, string? detail = null) => new(400, "invalid_grant", description) { Detail = detail };

    public static OAuthError InvalidTarget(string description) => new(400, "invalid_target", description);

    public static OAuthError InvalidScope(string description, string? allowed = null) => new(400, "invalid_scope", description) { Scope = allowed };

    /// <summary>The client is not who it claims to be, or a user is not: one answer for both, as UAA has it since 76.25.</summary>
    public static OAuthError BadCredentials(string detail) => new(401, "invalid_client", "Bad credentials")
    {
        Challenge = ClientRealm + ", error=\"unauthorized\", error_description=\"Bad credentials\"",
        Detail = detail,
    };

    /// <summary>A refusal of a client that is known.</summary>
    public static OAuthError InvalidClient(string description) => new(401, "invalid_client", description) { Challenge = ClientRealm };

    /// <summary>A refused sign-in of a user at the token endpoint.</summary>
    public static OAuthError Unauthorized(string description, string? detail = null) => new(401, "unauthorized", description)
    {
        Challenge = $"{ClientRealm}, error=\"unauthorized\", error_description=\"{description}\"",
        Detail = detail,
    };

    /// <summary>A sign-in under a name that is locked after too many failures.</summary>
    public static OAuthError Locked() => Unauthorized("Your account has been locked because of too many failed attempts to login.");

    /// <summary>A request without any token: the challenge names no error (RFC 6750 §3.1).</summary>
    public static OAuthError NoToken() => new(401, "unauthorized", "Full authentication is required to access this resource") { Challenge = BearerRealm };

    public static OAuthError InvalidToken(string description, string? detail = null) => new(401, "invalid_token", description)
    {
        Challenge = $"{BearerRealm}, error=\"invalid_token\", error_description=\"{description}\"",
        Detail = detail,
    };

    public static OAuthError InsufficientScope(string needed) => new(403, "insufficient_scope", "Insufficient scope for this resource")
    {
        Scope = needed,
        Challenge = $"{BearerRealm}, error=\"insufficient_scope\", scope=\"{needed}\"",
    };

    public static OAuthError AccessDenied(string description) => new(403, "access_denied", description);

    /// <summary>RFC 9449 §5, always in the form of the RFC.</summary>
    public static OAuthError InvalidDpopProof(string description, string? detail = null) => new(400, "invalid_dpop_proof", description) { Detail = detail };

    /// <summary>A token shown without the proof that it needs (RFC 9449 §7.1).</summary>
    public static OAuthError InvalidProof(string description, IEnumerable<string> algorithms, string? detail) => new(401, "invalid_token", description)
    {
        Challenge = $"DPoP error=\"invalid_token\", error_description=\"{description}\", algs=\"{string.Join(' ', algorithms)}\"",
        Detail = detail,
    };

    public static OAuthError NotFound() => new(404, "not_found", "There is nothing at this address");

    public static OAuthError MethodNotAllowed(string method, string allow) =>
        new(405, "method_not_allowed", $"Request method {Printable(method)} is not supported here") { Allow = allow };

    public static OAuthError Busy(string detail) => new(503, "uaa_unavailable", "Too many sign-ins at this moment. Try again shortly.")
    {
        RetryAfter = TimeSpan.FromSeconds(1),
        Detail = detail,
    };

    /// <summary>One address asks too much, in a row or at once; other addresses are served.</summary>
    public static OAuthError TooMany(TimeSpan retryAfter, string detail) => new(429, "too_many_requests", "Too many sign-ins from your address. Try again later.")
    {
        RetryAfter = retryAfter,
        Detail = detail,
    };

    /// <summary>Text for <c>error_description</c>: RFC 6749 §5.2 allows printable ASCII without quote and backslash.</summary>
    public static string Printable(string text)
    {
        const int longest = 200;
        var shown = text.Length > longest ? text.AsSpan(0, longest) : text;
        return string.Create(shown.Length, shown, (target, source) =>
        {
            for (var i = 0; i < source.Length; i++)
                target[i] = source[i] is >= ' ' and <= '~' and not '"' and not '\\' ? source[i] : '?';
        });
    }

    /// <summary>The only writer of errors below <c>/uaa</c>.</summary>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Status;
        Answer.Hide(response);
        if (Challenge is not null) response.Headers.WWWAuthenticate = Challenge;
        if (Allow is not null) response.Headers.Allow = Allow;
        if (RetryAfter is { } wait)
            response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        var logger = httpContext.RequestServices.GetRequiredService<ILogger<OAuthError>>();
        Log.Refused(logger, Status, Code, Description, Detail);
        return Answer.WriteAsync(httpContext, Write);
    }

    private void Write(Utf8JsonWriter json)
    {
        json.WriteString("error", Code);
        if (AsScim) json.WriteString("message", Description);
        json.WriteString("error_description", Description);
        if (Scope is not null) json.WriteString("scope", Scope);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.Refused, LogLevel.Information, "Refused with {Status} {Error}: {Description} {Detail}")]
        public static partial void Refused(ILogger logger, int status, string error, string description, string? detail);
    }
}
