using System.Buffers;
using Microsoft.Extensions.Primitives;

namespace SecureMesh.Gateway.Access;

/// <summary>How the caller shows his credential.</summary>
internal enum CredentialScheme
{
    Bearer,
    Dpop,
    Basic,
}

/// <summary>The credential of a request as it stands in the header; nothing of it is believed yet.</summary>
/// <param name="Kind">What it looks like.</param>
/// <param name="Scheme">How it is shown.</param>
/// <param name="Text">What follows the scheme.</param>
internal readonly record struct Presented(CredentialKind Kind, CredentialScheme Scheme, string Text)
{
    private const int LongestToken = 16 * 1024;
    private const string Usual = "Bearer ";

    /// <summary>b64token of RFC 6750 §2.1, which is the token68 of RFC 9110 §11.2.</summary>
    private static readonly SearchValues<char> _token =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/");

    /// <summary>
    /// The token of a header in the usual spelling, to be looked for among those that were found good: what stands there was read
    /// with care once, and is neither copied nor read again.
    /// </summary>
    public static bool TryBearer(StringValues authorization, out CredentialKind kind, out ReadOnlySpan<char> text)
    {
        kind = default;
        text = default;
        if (authorization.Count != 1 || authorization[0] is not { } value || !value.StartsWith(Usual, StringComparison.Ordinal)) return false;
        text = value.AsSpan(Usual.Length);
        kind = KindOf(CredentialScheme.Bearer, text);
        return true;
    }

    /// <summary>Reads the <c>Authorization</c> header: one, with one scheme, one space and one token.</summary>
    /// <returns>Null without a header; a refusal when it cannot be read.</returns>
    public static Presented? Read(StringValues authorization, out Refusal? refusal)
    {
        refusal = null;
        if (authorization.Count == 0) return null;
        if (authorization.Count > 1)
        {
            refusal = Refusal.Conflict("more than one Authorization header");
            return null;
        }
        var value = authorization[0] ?? "";
        if (SchemeOf(value) is not { } scheme)
        {
            refusal = Refusal.NotTaken("the scheme of the Authorization header is neither Bearer, DPoP nor Basic");
            return null;
        }
        // A scheme alone has no text: its own name is none either.
        var text = value.IndexOf(' ', StringComparison.Ordinal) is >= 0 and var space ? value[(space + 1)..] : "";
        if (!IsToken68(text) || text.Length > LongestToken)
        {
            refusal = Refusal.Malformed(text.Length > LongestToken ? "larger than 16 KiB" : "not one scheme, one space and one token");
            return null;
        }
        return new Presented(KindOf(scheme, text), scheme, text);
    }

    private static CredentialScheme? SchemeOf(string value)
    {
        if (Begins(value, "Bearer")) return CredentialScheme.Bearer;
        if (Begins(value, "DPoP")) return CredentialScheme.Dpop;
        return Begins(value, "Basic") ? CredentialScheme.Basic : null;
    }

    /// <summary>The scheme and either a space or nothing more: what is malformed then is the credential, not the scheme.</summary>
    private static bool Begins(string value, string scheme) =>
        value.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) && (value.Length == scheme.Length || value[scheme.Length] == ' ');

    private static bool IsToken68(string text)
    {
        var end = text.AsSpan().IndexOfAnyExcept(_token);
        return text.Length > 0 && end != 0 && (end < 0 || text.AsSpan(end).IndexOfAnyExcept('=') < 0);
    }

    private static CredentialKind KindOf(CredentialScheme scheme, ReadOnlySpan<char> text) =>
        scheme == CredentialScheme.Basic ? CredentialKind.Basic
        : text.StartsWith("smt_", StringComparison.Ordinal) ? CredentialKind.ApiToken
        : text.Contains('.') ? CredentialKind.Jwt
        : CredentialKind.Opaque;
}
