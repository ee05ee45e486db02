using SecureMesh.Gateway.Access;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Explain;

/// <summary>The checks of a request in their order, by the names that explanations have for them.</summary>
internal static class Check
{
    public const string Request = "request";
    public const string Route = "route";
    public const string Limits = "limits";
    public const string Credential = "credential";
    public const string Token = "token";
    public const string Issuer = "issuer";
    public const string Key = "key";
    public const string Audience = "audience";
    public const string Lifetime = "lifetime";
    public const string Auth = "auth";
    public const string Revocation = "revocation";
    public const string Proof = "proof";
    public const string Scopes = "scopes";
    public const string Policy = "policy";
    public const string CallerLimits = "caller-limits";
    public const string Relay = "relay";
    public const string Destination = "destination";
    public const string Service = "service";

    /// <summary>How the causes begin that are about the header's <c>typ</c>; the second of another issuer's token.</summary>
    public const string OfType = "typ is ";
    public const string OfTheirType = OfType + "not ";

    /// <summary>The checks that a request of this kind passes through.</summary>
    public static IReadOnlyList<string> Of(Route? route, string? kind, string? failed)
    {
        if (route is null) return [Request, Route];
        if (route.Public) return [Request, Route, Limits, Destination, Service];
        string[] credential = kind switch
        {
            "jwt" or null => [Token, Issuer, Key, Audience, Lifetime],
            _ => [Auth, Lifetime],
        };
        // Also while the feed is cut, on routes that ask auth then.
        string[] asked = kind is "jwt" or null && (route.Online || failed == Auth) ? [Auth] : [];
        return [Request, Route, Limits, Credential, .. credential, Revocation, Proof, .. asked, Scopes, Policy, CallerLimits, Relay, Destination, Service];
    }

    /// <summary>What says nothing of a credential that is described and not shown.</summary>
    public static readonly string[] OfShown = [Token, Issuer, Key, Audience, Lifetime, Auth, Revocation, Proof];

    /// <summary>The check that a refusal comes from.</summary>
    public static string Of(Refusal refusal) => refusal.Problem.Reason switch
    {
        Reasons.NotTaken when Says(refusal, "exchange") => Relay,
        Reasons.Missing or Reasons.Malformed or Reasons.NotTaken or Reasons.Conflict => Credential,
        Reasons.Expired => Lifetime,
        Reasons.Invalid => OfInvalid(refusal.Cause),
        Reasons.Proof => Proof,
        Reasons.Scope => Scopes,
        Reasons.Policy => Policy,
        Reasons.Limited when Says(refusal, "proofs") => Proof,
        Reasons.Limited => Says(refusal, "subject") || Says(refusal, "client ") || Says(refusal, "total of callers") ? CallerLimits : Limits,
        Reasons.Unavailable => OfUnavailable(refusal),
        Reasons.NotFound => Route,
        Reasons.Destination => Destination,
        _ => Request,
    };

    private static string OfInvalid(string cause) => cause switch
    {
        _ when cause.Contains("revoked", StringComparison.Ordinal) => Revocation,
        _ when cause.Contains("exchange", StringComparison.Ordinal) => Relay,
        _ when cause.StartsWith("bound", StringComparison.Ordinal) => Proof,
        _ when cause.Contains("audience", StringComparison.Ordinal) => Audience,
        "another issuer" => Issuer,
        "not valid yet" or "no expiry" or "expired" or "SecurityTokenInvalidLifetimeException" => Lifetime,
        "alg is neither ES256 nor RS256" or "no kid" => Token,
        _ when cause.Contains("signature", StringComparison.Ordinal) || cause.Contains(" key", StringComparison.Ordinal) || cause.StartsWith("alg ", StringComparison.Ordinal) => Key,
        _ when cause.StartsWith("auth", StringComparison.Ordinal) => Auth,
        _ => Token,
    };

    private static string OfUnavailable(Refusal refusal) =>
        Says(refusal, "feed") || Says(refusal, "revocation") ? Revocation
        : Says(refusal, "passport") || Says(refusal, "exchange") ? Relay
        : Says(refusal, "introspect") || Says(refusal, "secret of its own") ? Auth
        : Says(refusal, "proofs") ? Proof
        : Says(refusal, "password") ? Auth
        : Says(refusal, "key") ? Key
        : Auth;

    private static bool Says(Refusal refusal, string word) => refusal.Cause.Contains(word, StringComparison.OrdinalIgnoreCase);
}
