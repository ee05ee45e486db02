using System.Globalization;
using System.Text.Json;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Terminal;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Credentials;

/// <summary>
/// Where sign-ins are kept: a file that its owner alone can read. Every change replaces it whole, under a lock between
/// processes, so that two commands that renew at once cannot lose a rotated refresh token.
/// </summary>
internal sealed class CredentialsFile
{
    private const int Version = 1;
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private readonly bool _ownFolder;
    private readonly TimeProvider _clock;

    public CredentialsFile(Shell shell)
    {
        _clock = shell.Clock;
        if (shell.Variable("MESH_CREDENTIALS") is { } path)
        {
            Path = System.IO.Path.GetFullPath(path, shell.Folder);
            return;
        }

        // XDG Base Directory Specification: a relative path there counts as none.
        var folder = shell.Variable("XDG_CONFIG_HOME") is { } config && System.IO.Path.IsPathFullyQualified(config) ? config : HomeConfiguration(shell);
        Path = System.IO.Path.Combine(folder, "securemesh", "credentials.json");
        _ownFolder = true;
    }

    public string Path { get; }

    /// <exception cref="CommandFailure">Others can read the file, or it is damaged.</exception>
    public Dictionary<string, SignIn> Read()
    {
        try
        {
            using var file = new FileStream(Path, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.ReadWrite | FileShare.Delete });
            // Asked of the open file: it is the one that is read, whatever its name means by now.
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file.SafeFileHandle) & Others) != 0) throw ReadByOthers(file);
            var document = JsonSerializer.Deserialize(file, CredentialsJson.Default.CredentialsDocument);
            if (document is not { Version: Version, Targets: not null } || document.Targets.Values.Any(IsIncomplete)) throw Damaged(cause: null);
            return document.Targets;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
        catch (JsonException e)
        {
            throw Damaged(e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CommandFailure.Configuration($"the credentials file {Path} cannot be read ({e.Message.TrimEnd('.')}).", e);
        }
    }

    /// <summary>Changes the file under the lock; written only when <paramref name="change"/> says so.</summary>
    /// <param name="change">Gets what the file holds now; returns its result and whether to write.</param>
    /// <param name="cancellationToken">Ends the wait for the lock; not what follows.</param>
    public async Task<T> ChangeAsync<T>(Func<Dictionary<string, SignIn>, Task<(T Result, bool Write)>> change, CancellationToken cancellationToken)
    {
        CreateFolder();
        using var held = await CredentialsLock.TakeAsync(Path + ".lock", _clock, cancellationToken).ConfigureAwait(false);
        var targets = Read();
        var (result, write) = await change(targets).ConfigureAwait(false);
        if (write) Write(targets);
        return result;
    }

    private static string HomeConfiguration(Shell shell) => shell.Variable("HOME") is { } home
        ? System.IO.Path.Combine(home, ".config")
        : Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData) is { Length: > 0 } known
            ? known
            : throw CommandFailure.Configuration("there is no home folder for the credentials file: name one with MESH_CREDENTIALS.");

    private static bool IsIncomplete(SignIn signIn) =>
        signIn is not { Issuer: not null, ClientId: not null, TokenEndpoint: not null, Scope: not null, AccessToken: not null };

    private void CreateFolder()
    {
        var folder = System.IO.Path.GetDirectoryName(Path)!;
        try
        {
            if (_ownFolder) PrivateFolder.CreateOrClose(folder);
            else PrivateFolder.Create(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(e);
        }
    }

    private void Write(Dictionary<string, SignIn> targets)
    {
        // A link stays one: what it leads to is replaced.
        var path = new FileInfo(Path).LinkTarget is null ? Path : File.ResolveLinkTarget(Path, returnFinalTarget: true)!.FullName;
        var temporary = $"{path}.{Entropy.HexId()}.new";
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnersFile;
            using (var file = new FileStream(temporary, options))
            {
                JsonSerializer.Serialize(file, new CredentialsDocument { Version = Version, Targets = targets }, CredentialsJson.Default.CredentialsDocument);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            throw Unwritable(e);
        }
    }

    private CommandFailure ReadByOthers(FileStream file)
    {
        var mode = OperatingSystem.IsWindows() ? "" : Convert.ToString((int)File.GetUnixFileMode(file.SafeFileHandle), 8).PadLeft(4, '0');
        return CommandFailure.Configuration(string.Create(
            CultureInfo.InvariantCulture,
            $"others can read or change the credentials file {Path} (mode {mode}), so it is not used: chmod 600 '{Path}', then sign out and in again if someone may have read it."));
    }

    private CommandFailure Damaged(Exception? cause) =>
        CommandFailure.Configuration($"the credentials file {Path} is damaged: remove it and sign in again with ./mesh login.", cause);

    private CommandFailure Unwritable(Exception cause) =>
        CommandFailure.Configuration($"the credentials file {Path} cannot be written ({cause.Message.TrimEnd('.')}): name another one with MESH_CREDENTIALS.", cause);
}
