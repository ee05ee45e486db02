using System.Text;

namespace SecureMesh.Cli.State;

/// <summary>Folders and files that their owner alone may enter and read, whatever the umask of the shell.</summary>
internal static class PrivateFolder
{
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnersFolder = OwnersFile | UnixFileMode.UserExecute;

    /// <summary>Makes the folder when it is missing; one that is there belongs to the operator and stays as it is.</summary>
    public static void Create(string path)
    {
        if (Directory.Exists(path)) return;
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }

        Directory.CreateDirectory(path, OwnersFolder);
        File.SetUnixFileMode(path, OwnersFolder);
    }

    /// <summary>Makes the folder, or closes it to others when it is there: for folders of the mesh's own.</summary>
    public static void CreateOrClose(string path)
    {
        Create(path);
        if (!OperatingSystem.IsWindows() && File.GetUnixFileMode(path) != OwnersFolder) File.SetUnixFileMode(path, OwnersFolder);
    }

    public static void WriteFile(string path, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnersFile;
        using var file = new FileStream(path, options);
        file.Write(Encoding.UTF8.GetBytes(text));
    }
}
