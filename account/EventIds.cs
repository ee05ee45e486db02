namespace SecureMesh.Account;

/// <summary>Ids of this service's log messages, a hundred per slice; a name never changes its number.</summary>
internal static class EventIds
{
    public const int DemoSeeded = 1000;

    public const int Registered = 1100;
    public const int RegistrationRefused = 1101;
    public const int RegistrationFailed = 1102;
    public const int RegistrationUndone = 1103;
    public const int RegistrationNotUndone = 1104;
    public const int UserCallFailed = 1105;
    public const int UserCallRefused = 1106;
    public const int RegistrationLimited = 1107;
    public const int SweepFailed = 1108;
    public const int ActivationFailed = 1109;
}
