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

    public const int StreamEnded = 1009;
    public const int ExchangeCut = 1010;
    public const int StreamUnended = 1030;

    public const int DestinationBack = 1011;
    public const int BreakerOpen = 1012;
    public const int BreakerClosed = 1013;
    public const int WeightUnusable = 1014;
    public const int MoreWeightsUnusable = 1015;

    public const int IssuersChanged = 1200;
    public const int IssuersRefused = 1201;

    public const int CertificateLoaded = 1300;
    public const int CertificateRefused = 1301;
    public const int PlainCallerRefused = 1302;

    public const int PassportKeyAnnounced = 1400;
    public const int PassportKeyNotAnnounced = 1401;
    public const int PassportKeyNotWithdrawn = 1402;
    public const int PassportKeyRevoked = 1410;
    public const int PassportRefused = 1411;
    public const int MorePassportsRefused = 1412;

    public const int Refused = 1500;

    public const int ExplanationFailed = 1600;
}
