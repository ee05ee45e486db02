namespace SecureMesh.Discovery.Registry;

/// <summary>
/// Self-preservation. Netflix counts renewals against one global guess of their rate and, below 85 %, stops all expiry: small
/// registries then never lose a dead instance, and a real crash of more than 15 % stays for ever (Netflix/eureka#1073).
/// Here each lease ends at its own deadline. Only when the leases that ran out within a short time are more than the
/// given share of a registry that is not small (more likely a fault of the network than of the services) the further ones
/// are kept as suspects: they are served as before, a renewal makes them sound, and after a limited time they go.
/// </summary>
internal sealed class Preservation(RegistrySettings settings)
{
    private readonly Queue<long> _lost = new();

    public int Suspects { get; private set; }

    /// <summary>Decides about a lease that ran out. True: keep it as a suspect until the time that is given out.</summary>
    /// <param name="now">Milliseconds of the registry's own clock.</param>
    /// <param name="leases">Leases in the registry, this one included.</param>
    /// <param name="until">When the suspect goes.</param>
    public bool Keeps(long now, int leases, out long until)
    {
        var options = settings.Current.Preservation;
        until = now + (long)options.KeepFor.TotalMilliseconds;
        while (_lost.TryPeek(out var at) && at <= now - (long)options.Window.TotalMilliseconds) _lost.Dequeue();
        var total = leases + _lost.Count;
        var gone = _lost.Count + Suspects + 1;
        if (!options.Enabled || total < options.MinInstances || gone <= (1 - options.Share) * total) return false;
        Suspects++;
        return true;
    }

    public void Lost(long now) => _lost.Enqueue(now);

    public void NoLongerSuspect() => Suspects--;
}
