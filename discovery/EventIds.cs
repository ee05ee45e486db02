namespace SecureMesh.Discovery;

/// <summary>Numbers of log messages, a hundred per slice; neither number nor name ever changes.</summary>
internal static class EventIds
{
    public const int LeaseExpired = 5000;
    public const int LeaseSuspect = 5001;
    public const int ExpiryFailed = 5002;

    public const int Registered = 5100;
    public const int Cancelled = 5101;
    public const int StatusSet = 5102;
    public const int StatusRemoved = 5103;
    public const int MetadataSet = 5104;
    public const int Malformed = 5105;

    public const int AccessRefused = 5200;
    public const int OpenOnLoopback = 5201;
}
