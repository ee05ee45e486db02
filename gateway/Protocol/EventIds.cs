namespace SecureMesh.Gateway.Protocol;

/// <summary>Ids of the log messages, a hundred per slice; a name never changes its number.</summary>
internal static class EventIds
{
    public const int RoutesLoaded = 1000;
    public const int RoutesRefused = 1001;
    public const int DestinationsChanged = 1002;
    public const int DestinationSkipped = 1003;
    public const int UpdateFailed = 1004;
    public const int DestinationFailed = 1005;
    public const int NoAnswer = 1006;
    public const int CallerLeft = 1007;
    public const int RoutesUnread = 1008;

    public const int RequestRefused = 1100;

    public const int Limited = 1200;

    public const int CertificateLoaded = 1300;
    public const int CertificateRefused = 1301;
    public const int PlainCallerRefused = 1302;
}
