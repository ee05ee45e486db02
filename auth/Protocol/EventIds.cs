namespace SecureMesh.Auth.Protocol;

/// <summary>Ids of the log events, a hundred for each slice; names and numbers never change.</summary>
internal static class EventIds
{
    public const int Refused = 1000;
    public const int StoreUnavailable = 1001;
    public const int OptionsRefused = 1002;

    public const int TokenIssued = 1100;
    public const int TokenRefreshed = 1101;
    public const int RefreshRepeated = 1102;
    public const int RefreshReused = 1103;
    public const int TokensIssuedMore = 1104;

    public const int ClientRefused = 1200;
    public const int ClientKeysFetched = 1201;
    public const int ClientKeysFailed = 1202;
    public const int ClientAssertionRefused = 1203;

    public const int SignedIn = 1300;
    public const int SignInRefused = 1301;
    public const int SignInLocked = 1302;

    public const int KeyCreated = 1400;
    public const int SealingKeyCreated = 1401;
    public const int KeyChanged = 1402;
    public const int KeyTurnFailed = 1403;

    public const int UserRegistered = 1500;
    public const int RegistrationRepeated = 1501;
    public const int RegistrationUndone = 1502;

    public const int Seeded = 1600;
    public const int BootstrapSecretChanged = 1601;

    public const int PruningFailed = 1700;

    public const int Audited = 1800;

    public const int AuthorizationAnswered = 1900;
    public const int CodeReused = 1901;
    public const int CodeOfAnother = 1902;

    public const int SessionStarted = 2000;
    public const int SessionEnded = 2001;
    public const int LogoutNoticeDelivered = 2002;
    public const int LogoutNoticeFailed = 2003;
    public const int LogoutNoticesUnreadable = 2004;

    public const int PassportKeyAnnounced = 2100;
    public const int PassportKeyWithdrawn = 2101;
    public const int PassportKeyRevoked = 2102;

    public const int ListenerLost = 2200;
    public const int FollowerJoined = 2201;
    public const int FollowerLeft = 2202;
    public const int Revoked = 2203;
    public const int AuditDelayed = 2210;
    public const int AuditLost = 2211;
    public const int AuditLeftOut = 2212;
    public const int ApiTokenCreated = 2220;
    public const int ApiTokenUsesFailed = 2221;
}
