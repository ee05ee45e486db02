using System.Diagnostics;
using System.Runtime.InteropServices;

namespace SecureMesh.Cli.Supervision;

/// <summary>Asks a process to stop. Windows has no such signal for a process without a window: there it is ended.</summary>
internal static partial class ProcessSignals
{
    private const int Sigterm = 15;

    public static void Terminate(Process process)
    {
        if (OperatingSystem.IsWindows()) process.Kill(entireProcessTree: true);
        else _ = Kill(process.Id, Sigterm); // it fails only when the process is gone, which is what is wanted
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
