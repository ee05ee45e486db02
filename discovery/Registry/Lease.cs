namespace SecureMesh.Discovery.Registry;

/// <summary>An instance's right to be listed, and whose it is. Changed under the registry's lock only.</summary>
internal sealed class Lease(string owner, long sequence)
{
    /// <summary>The principal that registered the instance; empty for an anonymous one of the demo.</summary>
    public string Owner { get; } = owner;

    /// <summary>Orders leases of equal deadline.</summary>
    public long Sequence { get; } = sequence;

    public required Instance Instance { get; set; }

    /// <summary>The operator's status; null when there is none.</summary>
    public string? Override { get; set; }

    /// <summary>Milliseconds of the registry's own clock.</summary>
    public long Deadline { get; set; }

    /// <summary>True while the lease has run out and self-preservation keeps it.</summary>
    public bool Suspect { get; set; }

    public static IComparer<Lease> ByDeadline { get; } = Comparer<Lease>.Create((a, b) =>
        a.Deadline != b.Deadline ? a.Deadline.CompareTo(b.Deadline) : a.Sequence.CompareTo(b.Sequence));
}
