using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>How one kind of credential is checked. A further kind is a class and a line in <see cref="AccessSlice"/>.</summary>
internal interface ICredentialCheck
{
    /// <summary>The kinds that it judges.</summary>
    IReadOnlyList<CredentialKind> Kinds { get; }

    /// <summary>How many credentials that were not known a moment ago are checked at the same time; null when nobody is asked about them.</summary>
    Turns? Turns => null;

    /// <summary>A fault that can be seen without asking anybody; null when there is none.</summary>
    Refusal? Fault(in Presented credential);

    /// <summary>Asks who the credential stands for: once for many requests at once.</summary>
    /// <param name="credential">What was shown.</param>
    /// <param name="address">The caller's address, for whoever counts failures.</param>
    /// <param name="cancellationToken">The gateway stops.</param>
    Task<Verdict> CheckAsync(Presented credential, System.Net.IPAddress? address, CancellationToken cancellationToken);
}

/// <summary>A caller, or why there is none.</summary>
internal readonly record struct Verdict(Caller? Caller, Refusal? Refusal)
{
    public static implicit operator Verdict(Caller caller) => new(caller, null);

    public static implicit operator Verdict(Refusal refusal) => new(null, refusal);
}

/// <summary>Access tokens of the mesh's issuer, checked by its keys and nobody else's word.</summary>
internal sealed class JwtCheck(IAccessTokens tokens) : ICredentialCheck
{
    /// <summary>What the check of a token grants clocks that differ.</summary>
    private static readonly TimeSpan _skew = TimeSpan.FromSeconds(30);

    public IReadOnlyList<CredentialKind> Kinds { get; } = [CredentialKind.Jwt];

    public Refusal? Fault(in Presented credential) =>
        credential.Text.AsSpan().Count('.') == 2 ? null : Refusal.Malformed("not a compact signed token");

    public async Task<Verdict> CheckAsync(Presented credential, System.Net.IPAddress? address, CancellationToken cancellationToken)
    {
        var result = await tokens.VerifyAsync(credential.Text, cancellationToken);
        if (result.Refusal is not null) return Refusal.Of(result);
        return Caller.Of(CredentialKind.Jwt, result.Claims, result.KeyId, _skew) is { } caller ? caller : Refusal.Invalid("not the claims of an access token");
    }
}
