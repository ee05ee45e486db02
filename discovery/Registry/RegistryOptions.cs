namespace SecureMesh.Discovery.Registry;

/// <summary>The registry's own settings (section <c>registry</c>).</summary>
internal sealed class RegistryOptions
{
    private static readonly string[] MeshNames = ["gateway", "auth-service", "account-service", "config", "registry"];

    /// <summary>Names that only the principal of the same name may register, beside the mesh's own five, which no setting opens.</summary>
    public IList<string> Reserved { get; } = [];

    /// <summary>Further names a principal may register, exact or as a prefix (<c>billing-*</c>); reserved names are never among them.</summary>
    public Dictionary<string, string[]> Allow { get; } = new(StringComparer.Ordinal);

    public int MaxInstances { get; set; } = 10_000;
    public int MaxInstancesPerPrincipal { get; set; } = 2_000;

    /// <summary>How long a change stays in the delta.</summary>
    public TimeSpan DeltaWindow { get; set; } = TimeSpan.FromSeconds(180);

    /// <summary>Longest lease; a longer wish is cut to this, so that a registration cannot outlive its service for ever.</summary>
    public TimeSpan MaxLease { get; set; } = TimeSpan.FromHours(24);

    public PushOptions Push { get; set; } = new();
    public PreservationOptions Preservation { get; set; } = new();

    public IEnumerable<string> ReservedNames => MeshNames.Concat(Reserved);

    /// <summary>All that is wrong, each by the name an operator types.</summary>
    public IEnumerable<string> Faults()
    {
        foreach (var (setting, value) in new (string, double)[]
                 {
                     ("registry:maxInstances", MaxInstances), ("registry:maxInstancesPerPrincipal", MaxInstancesPerPrincipal),
                     ("registry:deltaWindow", DeltaWindow.TotalSeconds), ("registry:push:maxWait", Push.MaxWait.TotalSeconds),
                     ("registry:push:maxWaiting", Push.MaxWaiting), ("registry:preservation:window", Preservation.Window.TotalSeconds),
                     ("registry:preservation:keepFor", Preservation.KeepFor.TotalSeconds),
                 })
        {
            if (!(value > 0)) yield return $"{setting} must be positive.";
        }
        if (MaxLease < TimeSpan.FromSeconds(1) || MaxLease > TimeSpan.FromDays(30)) yield return "registry:maxLease must lie between 1 second and 30 days.";
        if (Preservation.Share is not (>= 0 and <= 1)) yield return "registry:preservation:share must lie between 0 and 1.";
        if (Reserved.Any(string.IsNullOrWhiteSpace)) yield return "registry:reserved must not hold an empty name.";
    }
}

/// <summary>Requests that wait for a change (<c>Prefer: wait</c>, RFC 7240).</summary>
internal sealed class PushOptions
{
    public TimeSpan MaxWait { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Requests that may wait at once; one more is answered at once, as if it had not asked to wait.</summary>
    public int MaxWaiting { get; set; } = 1_000;
}

/// <summary>When leases that ran out are kept for a while: see <see cref="Preservation"/>.</summary>
internal sealed class PreservationOptions
{
    public bool Enabled { get; set; } = true;

    /// <summary>The share of the registry that must stay; when less would stay, the rest is kept as suspects.</summary>
    public double Share { get; set; } = 0.85;

    /// <summary>A smaller registry loses every lease that ran out: there, one crash is already a large share.</summary>
    public int MinInstances { get; set; } = 10;

    /// <summary>Losses within this time are counted together.</summary>
    public TimeSpan Window { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a suspect is kept.</summary>
    public TimeSpan KeepFor { get; set; } = TimeSpan.FromMinutes(5);
}
