namespace SecureMesh.Sdk;

/// <summary>How an access token that says nothing itself is written: <c>sm_at_</c> and 256 random bits in base64url.</summary>
public static class OpaqueTokenFormat
{
    /// <summary>What every such token begins with.</summary>
    public const string Prefix = "sm_at_";

    private const int SecretDigits = 43;

    /// <summary>False for what cannot be such a token, whoever is asked; true says nothing about whether there is one.</summary>
    /// <param name="token">The text.</param>
    public static bool IsWellFormed(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return token.Length == Prefix.Length + SecretDigits && token.StartsWith(Prefix, StringComparison.Ordinal) && TokenHeader.IsBase64Url(token.AsSpan(Prefix.Length));
    }
}
