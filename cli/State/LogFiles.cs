namespace SecureMesh.Cli.State;

/// <summary>Where each process's log is.</summary>
internal static class LogFiles
{
    /// <summary>The supervisor's own log when it runs in the background.</summary>
    public const string Supervisor = "mesh";

    public static string Folder(string data) => Path.Combine(data, "logs");

    public static string PathOf(string data, string name) => Path.Combine(Folder(data), name + ".log");
}
