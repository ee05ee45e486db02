using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SecureMesh.Sdk;

/// <summary>
/// The last configuration that came from the server, kept in the data folder for a start without it. It is kept as it came:
/// placeholders are not filled in, so no secret of the environment is in the file.
/// </summary>
internal sealed class KeptConfiguration
{
    private readonly string? _path;
    private readonly string _identity;
    private string? _written;

    public KeptConfiguration(MeshOptions options)
    {
        _path = string.IsNullOrEmpty(options.Data) ? null : Path.Combine(options.Data, "configuration.json");
        _identity = $"{options.Name}/{options.Config.Profile}/{options.Config.Label}";
    }

    /// <summary>Reads the file.</summary>
    /// <param name="fault">Why there is nothing to use; null when nothing was ever kept.</param>
    public Kept? Read(out string? fault)
    {
        fault = null;
        if (_path is null || !File.Exists(_path)) return null;
        try
        {
            var kept = JsonSerializer.Deserialize(File.ReadAllBytes(_path), KeptJson.Default.Kept);
            if (kept?.Environment is null || kept.Sha256 is null) fault = "it is incomplete";
            else if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Sum(kept.For, kept.Environment)), Encoding.UTF8.GetBytes(kept.Sha256))) fault = "it is damaged";
            else if (kept.For != _identity) fault = $"it belongs to {kept.For}";
            else return kept;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            fault = e is JsonException ? "it is damaged" : "it cannot be read";
        }
        return null;
    }

    /// <summary>Keeps an environment: written beside, forced to disk, then renamed, so that a crash leaves the old or the new one.</summary>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    public void Write(string environment, DateTimeOffset fetchedAt)
    {
        if (_path is null || environment == _written) return;
        var kept = new Kept(_identity, fetchedAt, Sum(_identity, environment), environment);
        CreateFolder(Path.GetDirectoryName(_path)!);
        // Not the process id: in two containers that share the folder it is the same.
        var beside = $"{_path}.{Entropy.HexId()}";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            using (var file = new FileStream(beside, options))
            {
                JsonSerializer.Serialize(file, kept, KeptJson.Default.Kept);
                file.Flush(flushToDisk: true);
            }
            File.Move(beside, _path, overwrite: true);
        }
        catch
        {
            File.Delete(beside); // no later attempt has this name
            throw;
        }
        _written = environment;
    }

    /// <summary>For its owner alone, whatever the umask; the mode of a folder that exists is its owner's decision.</summary>
    private static void CreateFolder(string folder)
    {
        if (Directory.Exists(folder)) return;
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }
        const UnixFileMode owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(folder, owner);
        File.SetUnixFileMode(folder, owner);
    }

    private static string Sum(string? identity, string environment) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity + "\n" + environment)));
}

/// <summary>The content of the file.</summary>
/// <param name="For">Name, profile and label it was fetched for.</param>
/// <param name="FetchedAt">When.</param>
/// <param name="Sha256">Over <paramref name="For"/> and <paramref name="Environment"/>.</param>
/// <param name="Environment">The server's answer, byte for byte.</param>
internal sealed record Kept(string? For, DateTimeOffset FetchedAt, string? Sha256, string? Environment);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Kept))]
internal sealed partial class KeptJson : JsonSerializerContext;
