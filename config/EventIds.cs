namespace SecureMesh.Config;

/// <summary>Ids of log events; a hundred per slice, never reused.</summary>
internal static class EventIds
{
    public const int RepositoryLoaded = 1100;
    public const int RepositoryChanged = 1101;
    public const int FileBroken = 1102;
    public const int RepositoryUnreadable = 1103;
    public const int WatcherFailed = 1104;
    public const int NotChecked = 1105;
    public const int GitFailed = 1106;
    public const int FilesUnreadable = 1107;
    public const int HalfEnded = 1108;
    public const int OpenReading = 1200;
}
