using SecureMesh.Gateway.Access;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Explain;

/// <summary>The nearest way to mend what was refused, in one sentence.</summary>
internal static class Fixes
{
    public static string For(string check, Attempt attempt, CredentialFacts? facts, ITokenRevocations revocations, Caller? caller)
    {
        var (route, cause) = (attempt.Route, attempt.Refusal?.Cause ?? "");
        return check switch
        {
            Check.Credential => Credential(attempt, facts),
            Check.Token => Token(facts, cause),
            Check.Issuer => $"get a token from {facts?.IssuerExpected}",
            Check.Key when attempt.Refusal?.Problem.Reason == Reasons.Unavailable => "auth does not give its keys: look at auth, and at the gateway's health component keys",
            Check.Key when cause.Contains("no such key", StringComparison.Ordinal) => "the key was withdrawn, or the token is not of this mesh: get a new token",
            Check.Key => "the token was changed since it was signed, or is forged: get a new one",
            Check.Audience => Audience(facts),
            Check.Lifetime when cause is "not valid yet" => "wait until then, or set the clock of whoever made the token",
            Check.Lifetime => facts is { Kind: "jwt", ExpiresAt: null } ? "get a token that ends" : "refresh the token, or get a new one",
            Check.Auth when attempt.Refusal?.Problem.Reason == Reasons.Unavailable => Unasked(cause),
            Check.Auth when facts?.Kind == "basic" => "the user name or the password is wrong, or the user may not sign in now: auth's log says which",
            Check.Auth => "the credential is unknown, over or revoked: make a new one",
            Check.Revocation when attempt.Refusal?.Problem.Reason == Reasons.Unavailable => "the revocation feed is cut: look at auth, and at the gateway's health component revocations",
            Check.Revocation => Ended(Revoked.Of(revocations, attempt.Http, caller)?.Level),
            Check.Proof => facts?.BoundTo == "x5t#S256" ? "show the client certificate that the token is bound to" : "send a fresh DPoP proof of the key that the token is bound to, with Authorization: DPoP TOKEN",
            Check.Scopes => Scope(attempt),
            Check.Policy => $"gateway:routes:{route?.Id} lets other subjects or claims in: change it there, or call as somebody it names",
            Check.Limits or Check.CallerLimits => $"wait {Wait(attempt)}, or raise gateway:routes:{route?.Id}:limits",
            Check.Relay when cause.Contains("exchange", StringComparison.Ordinal) => $"look at relay of gateway:routes:{route?.Id}, and at what auth lets the gateway's client exchange",
            Check.Relay => "look at auth, and at the gateway's health component passports",
            Check.Destination => attempt.Exchange is { Tries: > 0 }
                ? $"look at the log of {route?.Service} and at its instances in ./mesh status"
                : attempt.Refusal?.Cause.EndsWith(" is UP", StringComparison.Ordinal) == true ? $"start an instance of {route?.Service}: none is UP in the registry"
                : $"look at the gateway's health component destinations, and at gateway:services:{route?.Service} and gateway:routes:{route?.Id}:instances",
            Check.Service => attempt.Answered switch
            {
                >= 500 => $"look at the log of {route?.Service} under this id",
                405 => $"use a method that {route?.Service} takes at this path",
                429 => "wait as long as Retry-After of the answer says",
                _ => $"see what {route?.Service} says of this id",
            },
            Check.Route => "call a path that the routes of config/repository/gateway.yml have, with a method that they take",
            _ => Request(attempt),
        };
    }

    private static string Credential(Attempt attempt, CredentialFacts? facts)
    {
        var request = attempt.Http.Request;
        var kinds = string.Join(", ", attempt.Route?.Credentials.Select(kind => kind.Name()) ?? []);
        return attempt.Refusal?.Problem.Reason switch
        {
            Reasons.Missing when request.Query.ContainsKey("access_token") => "a token in the query counts for nothing: send it as Authorization: Bearer TOKEN",
            Reasons.Missing when request.Headers.Cookie.Count > 0 => $"a cookie is no credential for this route: send one of {kinds} as Authorization: Bearer TOKEN; ./mesh login gets one",
            Reasons.Missing => $"send one of {kinds} as Authorization: Bearer TOKEN; ./mesh login gets one",
            Reasons.Conflict => "send one credential: one Authorization header, and no token in the query",
            Reasons.NotTaken when facts?.Typ == "passport+jwt" => "a passport is for one service: show the gateway the credential that it was made from",
            Reasons.NotTaken => $"show a credential that the route takes: {kinds}",
            _ => "send it as Authorization: Bearer TOKEN, with one space and the whole token",
        };
    }

    private static string Token(CredentialFacts? facts, string cause) => facts?.Typ switch
    {
        "passport+jwt" => "a passport is for one service: show the gateway the credential that it was made from",
        "JWT" when cause.StartsWith(Check.OfTheirType, StringComparison.Ordinal) => "this may be an ID token: show the access token of the same answer; if access tokens of this issuer say JWT, too, add it to its types in gateway:issuers",
        _ when cause.StartsWith(Check.OfTheirType, StringComparison.Ordinal) => $"get an access token of {facts?.Issuer}: the header says typ at+jwt",
        _ when cause.StartsWith("the token names no ", StringComparison.Ordinal) => $"have {facts?.Issuer} put sub and client_id into its access tokens (RFC 9068 §2.2)",
        "JWT" or null when facts?.Issuer is not null => "this is no access token (an ID token, perhaps): show the access token of the same answer",
        "at+jwt" when cause.StartsWith("alg", StringComparison.Ordinal) => "get a token that is signed with ES256 or RS256",
        _ => "get a new access token, and send it whole and unchanged",
    };

    /// <summary>Auth was not asked, or gave no answer about the credential.</summary>
    private static string Unasked(string cause) => cause switch
    {
        "introspection: auth answered 401" => "auth refuses the gateway's own client: the secret in MESH__CLIENTSECRET of the gateway (mesh.clientSecret) is not the one that this client has at auth",
        "introspection: auth answered 403" => "auth does not let the gateway's own client ask: it needs the authority uaa.resource there",
        _ when cause.Contains("MESH__CLIENTSECRET", StringComparison.Ordinal) => "give the gateway the secret of its own client at auth: MESH__CLIENTSECRET (mesh.clientSecret)",
        _ when cause.StartsWith("gateway:basic:client ", StringComparison.Ordinal) => "name a client with the password grant in gateway:basic:client, or leave basic out of the route's credentials",
        _ => "auth does not answer: look at auth's health and log",
    };

    private static string Audience(CredentialFacts? facts)
    {
        var expected = facts?.AudienceExpected is [var first, ..] ? first : "mesh://gateway";
        return facts?.Audience?.FirstOrDefault(audience => audience.StartsWith("mesh://", StringComparison.Ordinal)) is { } other
            ? $"the token was made for {other}: leave `resource` out when asking for it, or name {expected} too"
            : $"ask for the token without `resource` or `audience`, or name {expected}";
    }

    private static string Ended(string? level) => level switch
    {
        "session" => "the browser session that it belongs to was ended: sign in again",
        "user" or "user at this client" => "all tokens of the user were ended: sign in again",
        "client" => "all tokens of the client were ended: get a new one",
        "key" => "the key that signed it was revoked: get a new token",
        "zone" => "all tokens of the zone were ended: sign in again",
        _ => "get a new token",
    };

    private static string Scope(Attempt attempt)
    {
        if (attempt.Route is not { } route) return "ask for the scope";
        var held = attempt.Caller?.Scopes ?? attempt.Exchange?.Caller?.Scopes ?? [];
        var missing = route.Policy.AnyScope.Count > 0 && !held.Any(scope => route.Policy.AnyScope.Any(pattern => ScopePattern.Matches(pattern, scope)))
            ? route.Policy.AnyScope[0]
            : string.Join(' ', route.Policy.AllScopes);
        return $"ask for scope {missing} when getting the token, as ./mesh login --scope \"{missing}\", if the caller may have it";
    }

    private static string Wait(Attempt attempt) =>
        attempt.Refusal?.Problem.RetryAfter is { } wait ? CheckDetails.Span(TimeSpan.FromSeconds(Math.Max(1, Math.Ceiling(wait.TotalSeconds)))) : "a moment";

    private static string Request(Attempt attempt) => attempt.Refusal?.Problem.Status switch
    {
        413 => $"send less, or raise gateway:routes:{attempt.Route?.Id}:maxBodyBytes (and the service's own limit)",
        421 => "call the gateway by the host of gateway:url, or add the name to gateway:hosts",
        405 => "use another method",
        >= 500 => "the gateway failed: its log has the exception under this id",
        408 => "send the request without long pauses",
        _ => "send a request that every reader reads the same way: " + (attempt.Refusal?.Problem.Detail ?? ""),
    };
}
