namespace SecureMesh.Discovery.Registry;

/// <summary>The status words. Spring and Steeltoe clients lose a whole fetch over any other word, so no other is ever stored.</summary>
internal static class InstanceStatus
{
    public const string Up = "UP";
    public const string Down = "DOWN";
    public const string Starting = "STARTING";
    public const string OutOfService = "OUT_OF_SERVICE";
    public const string Unknown = "UNKNOWN";

    /// <summary>Reads a word without regard to case; null when it is none of the five.</summary>
    public static string? Find(string? word) => word?.ToUpperInvariant() switch
    {
        Up => Up,
        Down => Down,
        Starting => Starting,
        OutOfService => OutOfService,
        Unknown => Unknown,
        _ => null,
    };

    /// <summary>
    /// The status that is shown (AbstractInstanceRegistry's chain of rules): a DOWN or STARTING instance is never forced UP;
    /// else the operator's override; else an existing lease keeps UP or OUT_OF_SERVICE, which only an override changes.
    /// </summary>
    public static string Effective(string incoming, string? overridden, string? existing) => incoming switch
    {
        not (Up or OutOfService) => incoming,
        _ when overridden is not null => overridden,
        _ when existing is Up or OutOfService => existing,
        _ => incoming,
    };
}
