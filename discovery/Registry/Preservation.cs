namespace SecureMesh.Discovery.Registry;

/// <summary>
/// Self-preservation. Netflix counts renewals against one global guess of their rate and, below 85 %, stops all expiry: small
/// registries then never lose a dead instance, and a real crash of more than 15 % stays for ever (Netflix/eureka#1073).
/// Here each lease ends at its own deadline. Only when the leases that ran out within a short time are more than the
/// given share of a registry that is not small (more likely a fault of the network than of the services) the further ones
/// are kept as suspects: they are served as before, a renewal makes them sound, and after a limited time they go.
/// </summary>
/// <remarks>
/// Nobody can freeze another's dead instances by letting a crowd of his own die: among the losses of others, those of
/// the principal who lost most do not count. His own instances are judged by his own losses as well.
/// </remarks>
internal sealed class Preservation(RegistrySettings settings)
{
    private readonly Queue<(long At, string Owner)> _losses = new();
    private readonly Dictionary<string, int> _lost = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _suspects = new(StringComparer.Ordinal);

    public int Suspects { get; private set; }

    /// <summary>Decides about a lease that ran out. True: keep it as a suspect until the time that is given out.</summary>
    /// <param name="now">Milliseconds of the registry's own clock.</param>
    /// <param name="owner">Whose lease it is.</param>
    /// <param name="owned">Leases in the registry by owner, this one included.</param>
    /// <param name="until">When the suspect goes.</param>
    public bool Keeps(long now, string owner, IReadOnlyDictionary<string, int> owned, out long until)
    {
        var options = settings.Current.Preservation;
        until = now + (long)options.KeepFor.TotalMilliseconds;
        while (_losses.TryPeek(out var loss) && loss.At <= now - (long)options.Window.TotalMilliseconds) Add(_lost, _losses.Dequeue().Owner, -1);
        if (!options.Enabled) return false;

        var (allGone, all) = (1, 0);
        var (mostGone, most) = (0, 0);
        foreach (var other in owned.Keys.Union(_lost.Keys))
        {
            var (gone, total) = Count(other, owned);
            allGone += gone;
            all += total;
            if (other != owner && gone > mostGone) (mostGone, most) = (gone, total);
        }
        var (ownGone, own) = Count(owner, owned);
        if (!TooMany(ownGone + 1, own, options) && !TooMany(allGone - mostGone, all - most, options)) return false;
        Suspects++;
        Add(_suspects, owner, 1);
        return true;
    }

    public void Lost(long now, string owner)
    {
        _losses.Enqueue((now, owner));
        Add(_lost, owner, 1);
    }

    public void NoLongerSuspect(string owner)
    {
        Suspects--;
        Add(_suspects, owner, -1);
    }

    private (int Gone, int Total) Count(string owner, IReadOnlyDictionary<string, int> owned)
    {
        var lost = _lost.GetValueOrDefault(owner);
        return (lost + _suspects.GetValueOrDefault(owner), owned.GetValueOrDefault(owner) + lost);
    }

    private static bool TooMany(int gone, int total, PreservationOptions options) =>
        total >= options.MinInstances && gone > (1 - options.Share) * total;

    private static void Add(Dictionary<string, int> counts, string owner, int number)
    {
        var count = counts.GetValueOrDefault(owner) + number;
        if (count == 0) counts.Remove(owner);
        else counts[owner] = count;
    }
}
