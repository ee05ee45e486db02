using Microsoft.AspNetCore.Http;

namespace SecureMesh.Sdk;

/// <summary>
/// The <c>Authorization</c> header, read strictly (RFC 6750 §2.1): one header, the scheme, one space, one token. Tokens in
/// queries and forms are not looked at.
/// </summary>
internal static class BearerHeader
{
    private const string Scheme = "Bearer";

    public static (BearerHeaderKind Kind, string? Token) Read(HttpRequest request)
    {
        var values = request.Headers.Authorization;
        if (values.Count == 0) return (BearerHeaderKind.None, null);
        if (values.Count > 1) return (BearerHeaderKind.Several, null);
        var value = values[0] ?? "";
        if (!value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return (BearerHeaderKind.None, null);
        if (value.Length > Scheme.Length && (char.IsAsciiLetterOrDigit(value[Scheme.Length]) || value[Scheme.Length] is '-' or '_' or '+' or '.'))
            return (BearerHeaderKind.None, null); // another scheme that begins alike
        var token = value.Length > Scheme.Length + 1 && value[Scheme.Length] == ' ' ? value[(Scheme.Length + 1)..] : "";
        // b64token of RFC 6750 §2.1; an opaque token is well-formed, only of no use here.
        var length = token.AsSpan().IndexOfAnyExcept(Characters);
        var wellFormed = token.Length > 0 && length != 0 && (length < 0 || token.AsSpan(length).IndexOfAnyExcept('=') < 0);
        return wellFormed ? (BearerHeaderKind.Token, token) : (BearerHeaderKind.Malformed, null);
    }

    private static readonly System.Buffers.SearchValues<char> Characters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/");
}

/// <summary>What the header holds.</summary>
internal enum BearerHeaderKind
{
    /// <summary>No header, or another scheme.</summary>
    None,

    /// <summary>More than one header.</summary>
    Several,

    /// <summary>The scheme without a usable token.</summary>
    Malformed,

    /// <summary>A token.</summary>
    Token,
}
