using System.Diagnostics;
using System.Globalization;

namespace SecureMesh.Cli.State;

/// <summary>Tells a process from a later one with the same id.</summary>
internal static class ProcessIdentity
{
    /// <returns>When the process started, in a form that only this machine compares; null when there is no such process.</returns>
    public static string? StartOf(int pid)
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                // proc(5): the name in parentheses may hold spaces; starttime is the 20th field after it.
                var stat = File.ReadAllText($"/proc/{pid}/stat");
                return stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19];
            }

            using var process = Process.GetProcessById(pid);
            return process.StartTime.Ticks.ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>The process, when it is still the one that was meant.</summary>
    public static Process? Find(int? pid, string? processStart)
    {
        if (pid is not { } id || processStart is null || StartOf(id) != processStart) return null;
        try
        {
            return Process.GetProcessById(id);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
