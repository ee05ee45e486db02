namespace SecureMesh.Tests.Support;

/// <summary>How much a test does that could go on for ever: a short share, or with <c>./test --long</c> the whole.</summary>
public static class Effort
{
    public static int Rounds(int brief, int whole) => Environment.GetEnvironmentVariable("MESH_TEST_LONG") is "1" ? whole : brief;
}
