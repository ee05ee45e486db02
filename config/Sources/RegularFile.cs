using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace SecureMesh.Config.Sources;

/// <summary>
/// Opens a file and then asks the open handle what it is, so that nobody can swap the file between check and reading: a
/// regular file whose true place is below the root. A pipe does not block, a device is not read, a link out is refused.
/// </summary>
internal static class RegularFile
{
    /// <summary>The handle, or null when the file is gone or must not be served.</summary>
    public static SafeFileHandle? Open(string realRoot, string path)
    {
        try
        {
            return OperatingSystem.IsLinux() ? OpenOnLinux(realRoot, path) : OpenElsewhere(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static SafeFileHandle OpenElsewhere(string path)
    {
        // Without a way to ask the handle for its place, links are not followed at all.
        if (File.GetAttributes(path).HasFlag(FileAttributes.ReparsePoint)) throw new FileNotFoundException();
        return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
    }

    private static SafeFileHandle? OpenOnLinux(string realRoot, string path)
    {
        const int readOnly = 0, nonBlocking = 0x800, closeOnExec = 0x80000;
        var descriptor = open(Encoding.UTF8.GetBytes(path + '\0'), readOnly | nonBlocking | closeOnExec);
        if (descriptor < 0) return null;
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        var place = File.ResolveLinkTarget($"/proc/self/fd/{descriptor}", returnFinalTarget: false)?.FullName;
        if (IsRegular(descriptor) && place is not null && place.StartsWith(realRoot + "/", StringComparison.Ordinal)) return handle;
        handle.Dispose();
        return null;
    }

    private static bool IsRegular(int descriptor)
    {
        // struct statx is the same on every architecture (linux/stat.h): stx_mode is the 16 bit word at offset 28.
        const int emptyPath = 0x1000, wantType = 0x1, modeOffset = 28, typeMask = 0xF000, regular = 0x8000;
        var result = new byte[256];
        return statx(descriptor, [0], emptyPath, wantType, result) == 0 && (BitConverter.ToUInt16(result, modeOffset) & typeMask) == regular;
    }

#pragma warning disable SYSLIB1054, CA2101, CA5392 // two calls with blittable arguments need no generated marshalling and no unsafe code
    [DllImport("libc", SetLastError = true)]
    private static extern int open(byte[] path, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int statx(int directory, byte[] path, int flags, uint mask, byte[] result);
#pragma warning restore SYSLIB1054, CA2101, CA5392
}
