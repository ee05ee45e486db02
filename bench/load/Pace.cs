using System.Diagnostics;
using System.Runtime.InteropServices;

/// <summary>Sleeps by the system's clock: timers of whole milliseconds would send requests in pairs and hide microseconds.</summary>
internal static class Pace
{
    /// <param name="timestamp">As of <see cref="Stopwatch.GetTimestamp"/>; one that has passed is not waited for.</param>
    public static void SleepUntil(long timestamp)
    {
        var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), timestamp);
        if (left <= TimeSpan.Zero) return;
        if (OperatingSystem.IsLinux())
        {
            var time = new Timespec { Seconds = (nint)(left.Ticks / TimeSpan.TicksPerSecond), Nanoseconds = (nint)(left.Ticks % TimeSpan.TicksPerSecond * 100) };
            _ = NanoSleep(in time, IntPtr.Zero); // woken early by a signal: this one is sent a little before its time
        }
        else
        {
            Thread.Sleep(left);
        }
    }

    [DllImport("libc", EntryPoint = "nanosleep")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NanoSleep(in Timespec time, IntPtr remaining);

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
