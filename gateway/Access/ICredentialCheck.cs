namespace SecureMesh.Gateway.Access;

/// <summary>How one kind of credential is checked. A further kind is a class and a line in <see cref="AccessSlice"/>.</summary>
internal interface ICredentialCheck
{
    /// <summary>The kinds that it judges.</summary>
    IReadOnlyList<CredentialKind> Kinds { get; }

    /// <summary>The addresses at which auth is asked now; null when nobody is asked.</summary>
    string? AskedAt => null;

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
