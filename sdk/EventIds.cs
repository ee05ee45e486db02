namespace SecureMesh.Sdk;

/// <summary>Ids of the SDK's log messages: a hundred per folder; a name never changes its number.</summary>
internal static class EventIds
{
    public const int ConfigWaiting = 100;
    public const int ConfigKept = 101;
    public const int ConfigKeptUnusable = 102;
    public const int ConfigKeptNotWritten = 103;
    public const int ConfigUnresolved = 104;
    public const int ConfigChanged = 105;
    public const int ConfigFetchFailed = 106;
    public const int ConfigReached = 107;
    public const int ConfigRefused = 108;
    public const int ConfigWithheld = 109;
    public const int ConfigIgnored = 110;
    public const int ConfigFollowFailed = 111;

    public const int RegistryUnreachable = 200;
    public const int RegistryReached = 201;
    public const int RegistryRefused = 202;
    public const int RegistryRegistered = 203;
    public const int RegistryForgotten = 204;
    public const int RegistryDeregistered = 205;
    public const int RegistryInstanceSkipped = 206;
    public const int RegistryRetained = 207;
    public const int RegistryNoAddress = 208;
    public const int RegistryListener = 209;
    public const int RegistryFetchFailed = 210;
    public const int RegistryRenewalFailed = 211;
    public const int RegistryExpiryFailed = 212;

    public const int TokenFetched = 300;
    public const int TokenFailed = 301;
    public const int CallRetried = 302;
    public const int CallUnauthorized = 303;

    public const int Refused = 400;
    public const int KeysFetched = 401;
    public const int KeysFailed = 402;
    public const int KeySkipped = 403;
    public const int ModeKept = 404;
    public const int CredentialsRefused = 405;
    public const int KeysHealed = 406;
    public const int KeysRefreshFailed = 407;

    public const int Answered = 500;
    public const int Unhandled = 501;
    public const int BadRequest = 502;
    public const int AnsweredMore = 503;

    public const int HealthFailed = 600;
    public const int Exporting = 700;

    public const int DatabaseWaiting = 800;
    public const int DatabaseReached = 801;

    public const int RevocationsNotFollowed = 900;
    public const int RevocationsFollowed = 901;
    public const int RevocationsCut = 902;
    public const int RevocationsFailed = 903;
    public const int RevocationLeftOut = 904;
    public const int RevocationsWatcherFailed = 905;

    public const int RefusedByEndpoint = 1000;
}
