using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.Tokens;

namespace SecureMesh.Sdk;

/// <summary>What a refused caller reads (RFC 6750 §3.1): the code and what he can mend; and the cause, which only the log gets.</summary>
internal static class Refusals
{
    private const string Realm = "Bearer realm=\"securemesh\"";

    public static Problem NoToken { get; } = new(401, "unauthorized", "Full authentication is required to access this resource") { Challenge = Realm };

    public static Problem SeveralHeaders { get; } = Challenged(new(400, "invalid_request", "There must be exactly one Authorization header"));

    public static Problem InvalidToken { get; } = Challenged(new(401, "invalid_token", "The access token is not valid"));

    public static Problem ExpiredToken { get; } = Challenged(new(401, "invalid_token", "The access token expired"));

    public static Problem Unavailable(TimeSpan retryAfter) =>
        new(503, "temporarily_unavailable", "The access token cannot be checked at the moment; try again") { RetryAfter = retryAfter };

    public static Problem InsufficientScope(IReadOnlyList<string> anyOf) =>
        new(403, "insufficient_scope", "Insufficient scope for this resource")
        {
            Scopes = anyOf,
            Challenge = $"{Realm}, error=\"insufficient_scope\", error_description=\"Insufficient scope for this resource\", scope=\"{string.Join(' ', anyOf)}\"",
        };

    /// <summary>The answer to a token that was refused.</summary>
    public static Problem Of(Exception failure) => failure switch
    {
        IssuerKeysUnavailableException e => Unavailable(e.RetryAfter),
        RevocationsCutException e => Unavailable(e.RetryAfter),
        SeveralHeadersException => SeveralHeaders,
        SecurityTokenExpiredException => ExpiredToken,
        _ => InvalidToken,
    };

    /// <summary>The answer to a caller who is known but may not: the first scope requirement that he does not meet.</summary>
    public static Problem Forbidden(HttpContext http)
    {
        var unmet = http.GetEndpoint()?.Metadata.GetOrderedMetadata<AuthorizationPolicy>()
            .SelectMany(policy => policy.Requirements.OfType<ScopeRequirement>())
            .FirstOrDefault(requirement => !requirement.IsMetBy(http.User));
        return unmet is null ? StatusProblems.For(403) : InsufficientScope(unmet.AnyOf);
    }

    /// <summary>The exact cause, without anything of the token in it.</summary>
    public static string CauseOf(Exception failure) => failure switch
    {
        TokenRefusedException or IssuerKeysUnavailableException or RevocationsCutException or SeveralHeadersException => failure.Message,
        SecurityTokenExpiredException => "expired",
        SecurityTokenNotYetValidException => "not valid yet",
        SecurityTokenNoExpirationException => "no expiry",
        SecurityTokenInvalidIssuerException => "another issuer",
        SecurityTokenInvalidAudienceException => "for another audience",
        SecurityTokenInvalidSignatureException => "the signature does not verify",
        _ => failure.GetType().Name,
    };

    private static Problem Challenged(Problem problem) => problem with
    {
        Challenge = $"{Realm}, error=\"{problem.Error}\", error_description=\"{problem.Detail}\"",
    };
}

/// <summary>More than one <c>Authorization</c> header.</summary>
internal sealed class SeveralHeadersException() : Exception("more than one Authorization header");
