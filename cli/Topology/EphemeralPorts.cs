using System.Globalization;

namespace SecureMesh.Cli.Topology;

/// <summary>The ports that the system gives to outgoing connections.</summary>
internal sealed record EphemeralPorts(int First, int Last)
{
    private const string Linux = "/proc/sys/net/ipv4/ip_local_port_range"; // ip(7)

    public bool Contain(int port) => port >= First && port <= Last;

    /// <returns>What Linux says; elsewhere its default and that of the others (RFC 6335 section 6) taken together.</returns>
    public static EphemeralPorts OfThisMachine()
    {
        try
        {
            return Parse(File.ReadAllText(Linux));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return new EphemeralPorts(32768, 65535);
        }
    }

    internal static EphemeralPorts Parse(string text) =>
        text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is [var first, var last]
            ? new EphemeralPorts(int.Parse(first, CultureInfo.InvariantCulture), int.Parse(last, CultureInfo.InvariantCulture))
            : throw new FormatException();
}
