using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Token;

/// <summary>
/// The one place where the token endpoint's refusals take the form that the client expects (U-07): UAA's, or that of RFC 6749
/// §5.2. What is refused is the same in both.
/// </summary>
internal static class WireForm
{
    /// <summary>True when answers follow the RFCs: the client asked for it, or UAA has no form of its own for this grant.</summary>
    public static bool IsStandard(Client client, IGrant grant) => grant.IsStandardOnly || client.Wire == "rfc";

    /// <summary>The refusal of a client that has authenticated.</summary>
    public static OAuthError Of(OAuthError error, bool standard)
    {
        if (!standard) return error;
        // 401 is for client authentication alone (RFC 6749 §5.2), which has succeeded before any grant refuses.
        return (error.Status, error.Code) switch
        {
            (401, "unauthorized_client") => error with { Status = 400, Challenge = null },
            (401, "invalid_token" or "unauthorized" or "invalid_client") or (403, "access_denied") =>
                error with { Status = 400, Code = "invalid_grant", Challenge = null },
            _ => error,
        };
    }

    public static OAuthError GrantNotAllowed(bool standard) =>
        standard ? new OAuthError(400, "unauthorized_client", "Unauthorized grant type") : OAuthError.InvalidClient("Unauthorized grant type");
}
