namespace SecureMesh.Tests.Support;

/// <summary>The checkout that the tests were built from.</summary>
public static class Checkout
{
    /// <summary>Its folder, found from where the test runs: compiled-in paths are replaced in a deterministic build.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "SecureMesh.sln"))) folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("not inside the checkout");
        return folder;
    }
}
