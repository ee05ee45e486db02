using SecureMesh.Cli.Topology;

namespace SecureMesh.Cli.Preflight;

/// <summary>Where the built programs are: <c>artifacts/publish/PROJECT/PROJECT</c>, this one among them.</summary>
internal static class PublishedPrograms
{
    public static string Folder => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, ".."));

    public static string PathOf(string published, ServiceKind kind) =>
        Path.Combine(published, kind.Program, OperatingSystem.IsWindows() ? kind.Program + ".exe" : kind.Program);
}
