namespace SecureMesh.Sdk;

/// <summary>Ids of the log messages about callers and requests; a name never changes its number.</summary>
internal static class CallerEventIds
{
    public const int Refused = 400;
    public const int KeysFetched = 401;
    public const int KeysFailed = 402;
    public const int KeySkipped = 403;
    public const int ModeKept = 404;
    public const int CredentialsRefused = 405;

    public const int Answered = 500;
    public const int Unhandled = 501;
    public const int BadRequest = 502;
    public const int Undecided = 503;

    public const int HealthFailed = 600;
    public const int Exporting = 700;
    public const int ExportFailed = 701;
}
