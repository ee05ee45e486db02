namespace SecureMesh.Gateway.Access;

/// <summary>Whether whoever shows a credential also holds the key that it is bound to (RFC 7800).</summary>
internal static class Constraint
{
    private const string Challenge = "Bearer realm=\"securemesh\", error=\"invalid_token\", error_description=\"The token needs a proof of its key\"";

    public static Refusal? Fault(HttpContext http, in Presented shown, Caller caller)
    {
        if (caller.Bound is null && shown.Scheme != CredentialScheme.Dpop) return null;
        return Refusal.Proof(Challenge, "bound to a key, shown as a bearer token");
    }
}
