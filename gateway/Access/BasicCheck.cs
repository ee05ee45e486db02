using System.Buffers;
using System.Net;
using System.Text;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>
/// User name and password (RFC 7617), proved at auth as at any sign-in: with its limits, lockouts and audit, for the caller's own
/// address. What is remembered here is the token that came of it, for as long as that is good.
/// </summary>
internal sealed class BasicCheck(AuthCalls auth, IAccessTokens tokens, LastGood<BasicOptions> options, TimeProvider time) : ICredentialCheck
{
    private const int LongestName = 255;
    private const int LongestPassword = 1024;
    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(1);
    private static readonly UTF8Encoding _strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly AuthCall _password = new("/uaa/oauth/token", TimeSpan.FromSeconds(10)); // a hash takes its time, and has its queue

    public IReadOnlyList<CredentialKind> Kinds { get; } = [CredentialKind.Basic];

    public string AskedAt => auth.Addresses;

    public Turns Turns { get; } = new(inAll: 32, ofOneAddress: 4, TimeSpan.FromSeconds(10), time); // auth refuses a fifth of one address

    public Refusal? Fault(in Presented credential) =>
        Read(credential.Text) is null ? Refusal.Malformed("not user name, colon and password in base64") : null;

    public async Task<Verdict> CheckAsync(Presented credential, IPAddress? address, CancellationToken cancellationToken)
    {
        var client = options.Value;
        if (client.Client.Length == 0) return Refusal.Unavailable(_soon, "gateway:basic:client is not set: there is no client to prove passwords through");
        var (name, password) = Read(credential.Text)!.Value;
        var answer = await auth.PostAsync(
            _password, (client.Client, client.ClientSecret),
            [new("grant_type", "password"), new("username", name), new("password", password), new("token_format", "jwt")], address, cancellationToken);
        if (answer.Status is 400 or 401) return Refusal.Password($"auth refuses the password, or the client {client.Client}: {answer.Error}") with { UserName = name };
        if (answer.Status != 200 || Caller.Text(answer.Body, "access_token") is not { } token) return answer.Unusable() with { UserName = name };
        var result = await tokens.VerifyAsync(token, cancellationToken);
        if (result.Refusal is not null) return Refusal.Unavailable(_soon, "the token that auth gave for the password is not good here: " + result.Cause) with { UserName = name };
        return Caller.Of(CredentialKind.Basic, result.Claims, result.KeyId, TimeSpan.Zero, token: token) is { Bound: null } caller
            ? caller : Refusal.Unavailable(_soon, "the token that auth gave for the password is not one to go on with") with { UserName = name };
    }

    /// <summary>RFC 7617 §2: the first colon ends the name; control characters stand in neither. Text is UTF-8, which the challenge says.</summary>
    private static (string Name, string Password)? Read(string text)
    {
        var bytes = new byte[text.Length]; // more than enough, and gone with the request
        if (!Convert.TryFromBase64String(text, bytes, out var length)) return null;
        string pair;
        try
        {
            pair = _strict.GetString(bytes, 0, length);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
        var colon = pair.IndexOf(':', StringComparison.Ordinal);
        if (colon is <= 0 or > LongestName || pair.Length - colon - 1 > LongestPassword || pair.AsSpan().ContainsAny(_controls)) return null;
        return (pair[..colon], pair[(colon + 1)..]);
    }

    private static readonly SearchValues<char> _controls = SearchValues.Create([.. Enumerable.Range(0, 0x20).Append(0x7f).Concat(Enumerable.Range(0x80, 0x20)).Select(c => (char)c)]);
}
