using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>
/// Why a request goes no further: what the caller reads, the stable reason code that tells him what he can mend, and the cause,
/// which only the operator gets.
/// </summary>
/// <param name="Problem">The answer; its <see cref="Problem.Reason"/> is the reason code.</param>
/// <param name="Cause">The exact cause in words, without any part of a secret.</param>
internal sealed record Refusal(Problem Problem, string Cause)
{
    /// <summary>What the challenge for passwords begins with when it stands behind another.</summary>
    public const string BasicFollows = ", Basic ";

    private const string Realm = "Bearer realm=\"securemesh\"";
    private const string BasicParameters = "realm=\"securemesh\", charset=\"UTF-8\"";
    private const string BasicRealm = "Basic " + BasicParameters;
    private static readonly string _dpop = "DPoP realm=\"securemesh\", algs=\"" + string.Join(' ', DpopProof.Algorithms) + "\"";

    /// <summary>Cached for a moment, so that a flood of one bad credential costs one check.</summary>
    public bool Lasts { get; init; }

    /// <summary>The user name that was shown with a password: for the operator's explanation, never for a log, where people also type passwords into it.</summary>
    public string? UserName { get; init; }

    /// <summary>The same as an answer of the route: where passwords are taken, a 401 says so (RFC 9110 §11.6.1).</summary>
    public Refusal On(Routes.Route route)
    {
        if (Problem.Status != 401 || Problem.Challenge == BasicRealm || !route.Credentials.Contains(CredentialKind.Basic)) return this;
        var challenge = route.Credentials.Count == 1 || Problem.Challenge is null ? BasicRealm : Problem.Challenge + BasicFollows + BasicParameters;
        return this with { Problem = Problem with { Challenge = challenge } };
    }

    public static Refusal Missing { get; } =
        new(new Problem(401, "unauthorized", "Full authentication is required to access this resource") { Challenge = Realm, Reason = Reasons.Missing }, "no credential");

    /// <summary>Two credentials: who believes which is anybody's guess.</summary>
    public static Refusal Conflict(string cause) =>
        new(Challenged(new(400, "invalid_request", "There must be exactly one credential") { Reason = Reasons.Conflict }), cause);

    public static Refusal Malformed(string cause) =>
        new(Challenged(new(401, "invalid_token", "The access token is not valid") { Reason = Reasons.Malformed }), cause) { Lasts = true };

    /// <summary>This kind of credential does not open this route, whoever's it is.</summary>
    public static Refusal NotTaken(string cause) =>
        new(Challenged(new(401, "invalid_token", "This kind of credential is not taken here") { Reason = Reasons.NotTaken }), cause);

    /// <summary>Unknown, forged, revoked, of somebody gone: the caller reads the same for all.</summary>
    public static Refusal Invalid(string cause) =>
        new(Challenged(new(401, "invalid_token", "The access token is not valid") { Reason = Reasons.Invalid }), cause) { Lasts = true };

    /// <summary>No such user, another password, a locked name: the caller reads the same for all.</summary>
    public static Refusal Password(string cause) =>
        new(new Problem(401, "unauthorized", "User name or password is not valid") { Challenge = BasicRealm, Reason = Reasons.Invalid }, cause) { Lasts = true };

    public static Refusal Expired { get; } =
        new(Challenged(new(401, "invalid_token", "The access token expired") { Reason = Reasons.Expired }), "expired") { Lasts = true };

    /// <summary>The proof that goes with a bound token is missing or wrong, or there is one with a token that is not bound (RFC 9449 §7.1).</summary>
    public static Refusal Proof(string cause) => Proof(_dpop, "invalid_token", "The token and the proof of its key do not go together", cause);

    /// <summary>The proof must hold a nonce of this gateway, which the answer gives (RFC 9449 §9).</summary>
    public static Refusal Nonce(string cause) => Proof(_dpop, "use_dpop_nonce", "The proof needs the nonce of this answer", cause);

    /// <summary>The token is bound to a certificate that is not that of the connection (RFC 8705 §3).</summary>
    public static Refusal Certificate(string cause) => Proof(Realm, "invalid_token", "The token needs the certificate that it is bound to", cause);

    private static Refusal Proof(string challenge, string error, string detail, string cause) =>
        new(new Problem(401, error, detail) { Challenge = $"{challenge}, error=\"{error}\", error_description=\"{detail}\"", Reason = Reasons.Proof }, cause);

    public static Refusal Scope(IReadOnlyList<string> wanted, string cause) => new(
        new Problem(403, "insufficient_scope", "Insufficient scope for this resource")
        {
            Scopes = wanted,
            Challenge = $"{Realm}, error=\"insufficient_scope\", error_description=\"Insufficient scope for this resource\", scope=\"{string.Join(' ', wanted)}\"",
            Reason = Reasons.Scope,
        },
        cause);

    /// <summary>The route's policy lets other subjects or claims in.</summary>
    public static Refusal Policy(string cause) =>
        new(new Problem(403, "access_denied", "Access is denied") { Reason = Reasons.Policy }, cause);

    /// <summary>Nobody can say at the moment.</summary>
    public static Refusal Unavailable(TimeSpan retryAfter, string cause) => new(
        new Problem(503, "temporarily_unavailable", "The credential cannot be checked at the moment; try again") { RetryAfter = retryAfter, Reason = Reasons.Unavailable },
        cause);

    public static Refusal Limited(TimeSpan retryAfter, string cause) =>
        new(new Problem(429, "too_many_requests", "Too many requests; try again later") { RetryAfter = retryAfter, Reason = Reasons.Limited }, cause);

    /// <summary>What the check of a token answered.</summary>
    public static Refusal Of(AccessTokenResult result) => result.Refusal switch
    {
        { Status: 503 } problem => Unavailable(problem.RetryAfter ?? TimeSpan.FromSeconds(1), result.Cause!),
        { Detail: "The access token expired" } => Expired,
        // A key that is not known yet may be in a second.
        _ => Invalid(result.Cause!) with { Lasts = result.Cause != "the issuer publishes no such key" },
    };

    private static Problem Challenged(Problem problem) => problem with
    {
        Challenge = $"{Realm}, error=\"{problem.Error}\", error_description=\"{problem.Detail}\"",
    };
}

/// <summary>The reason codes; they never change, and none tells whether a user, key or token exists.</summary>
internal static class Reasons
{
    public const string Missing = "credential_missing";
    public const string Malformed = "credential_malformed";
    public const string Expired = "credential_expired";
    public const string Invalid = "credential_invalid";
    public const string NotTaken = "credential_not_taken";
    public const string Conflict = "credential_conflict";
    public const string Proof = "proof_invalid";
    public const string Scope = "scope_missing";
    public const string Policy = "policy_denied";
    public const string Limited = "rate_limited";
    public const string Unavailable = "unavailable";
    public const string Request = "request_refused";
    public const string NotFound = "route_missing";
    public const string Destination = "destination_failed";
}
