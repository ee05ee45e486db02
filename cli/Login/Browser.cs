using System.ComponentModel;
using System.Diagnostics;

namespace SecureMesh.Cli.Login;

/// <summary>Opens an address in the person's browser.</summary>
internal static class Browser
{
    /// <returns>False when there is no browser to open, as on a server.</returns>
    public static bool TryOpen(Uri url, Func<string, string?> variable)
    {
        // What a system makes of any other scheme may be to start a program (V-122).
        if (url.Scheme is not ("http" or "https") || Start(url, variable) is not { } start) return false;
        try
        {
            // What the browser prints has no place between the lines of this command.
            start.RedirectStandardOutput = start.RedirectStandardError = start.RedirectStandardInput = !start.UseShellExecute;
            using var process = Process.Start(start);
            if (process is not null && start.RedirectStandardInput) process.StandardInput.Close();
            return true;
        }
        catch (Exception e) when (e is Win32Exception or FileNotFoundException or InvalidOperationException)
        {
            return false;
        }
    }

    private static ProcessStartInfo? Start(Uri url, Func<string, string?> variable)
    {
        // BROWSER is how people of Unix name theirs; a program, and the address as its only argument: no shell reads it.
        if (variable("BROWSER") is { } own) return new ProcessStartInfo(own, [url.AbsoluteUri]);
        if (OperatingSystem.IsWindows()) return new ProcessStartInfo(url.AbsoluteUri) { UseShellExecute = true };
        if (OperatingSystem.IsMacOS()) return new ProcessStartInfo("open", [url.AbsoluteUri]);
        // Without a display xdg-open would start a browser in the terminal.
        return variable("DISPLAY") is null && variable("WAYLAND_DISPLAY") is null ? null : new ProcessStartInfo("xdg-open", [url.AbsoluteUri]);
    }
}
