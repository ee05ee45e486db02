using SecureMesh.Cli.Preflight;

namespace SecureMesh.Cli.Commands;

/// <summary>Where the product's own files are, seen from the published program: ROOT/artifacts/publish*/PROJECT/.</summary>
internal static class ProductFolders
{
    public static string Root => Environment.GetEnvironmentVariable("MESH_ROOT") is { Length: > 0 } root
        ? root
        : Path.GetFullPath(Path.Combine(PublishedPrograms.Folder, "..", ".."));

    public static string Configuration => Path.Combine(Root, "config", "repository");
}
