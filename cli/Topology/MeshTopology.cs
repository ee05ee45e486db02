using System.Net;
using System.Net.Sockets;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Topology;

/// <summary>Which processes there are and where each listens.</summary>
internal sealed record MeshTopology(IReadOnlyList<MeshInstance> Instances)
{
    public const int MaxPortBase = LastPort - 9;

    private const int LastPort = 65535;

    public int GatewayPort => Only(ServiceKind.Gateway).Port;

    /// <summary>What browsers and the issuer use; the gateway's other instances answer on ports of their own.</summary>
    public string GatewayUrl => $"http://localhost:{GatewayPort}";

    public string Issuer => GatewayUrl + "/uaa/oauth/token";

    public string AuthUrls => string.Join(',', Instances.Where(i => i.Kind == ServiceKind.Auth).Select(i => i.Url));

    public string ConfigUrl => Only(ServiceKind.Config).Url;

    public string RegistryUrl => Only(ServiceKind.Discovery).Url + "/eureka/";

    /// <summary>
    /// The first instance of each service has a fixed port; the further ones take what is free from ten above the gateway's on.
    /// They avoid the ports that the system gives to outgoing connections: such a connection could take the port of an
    /// instance while that is being restarted.
    /// </summary>
    /// <param name="portBase">The gateway's port; null: every service has the one of the documentation.</param>
    /// <param name="counts">How many instances each service has.</param>
    /// <param name="isFree">Whether nobody listens on a port; by default it is tried.</param>
    /// <param name="h2cUrl">The first gateway's further address; the others have one each, because no two can share it.</param>
    public static MeshTopology Plan(int? portBase, InstanceCounts counts, Func<int, bool>? isFree = null, string? h2cUrl = null)
    {
        var firsts = ServiceKind.All
            .Select(kind => new MeshInstance(kind, 1, portBase is { } start ? start + kind.Offset : kind.DefaultPort, kind == ServiceKind.Gateway ? h2cUrl : null)).ToList();
        var taken = firsts.Select(i => i.Port).ToHashSet();
        // What is no address, or leaves the port to the system, is for the gateways to judge.
        var h2c = Uri.TryCreate(h2cUrl, UriKind.Absolute, out var address) && address.Port > 0 ? address : null;
        if (h2c is not null) taken.Add(h2c.Port);
        var free = FreePorts(firsts[0].Port + 10, EphemeralPorts.OfThisMachine()).Where(port => !taken.Contains(port) && (isFree ?? IsFree)(port));
        using var further = free.GetEnumerator();
        var instances = new List<MeshInstance>();
        foreach (var first in firsts)
        {
            instances.Add(first);
            for (var number = 2; number <= counts.Of(first.Kind); number++)
            {
                var next = first with { Number = number, Port = Next() };
                instances.Add(next.H2cUrl is not null && h2c is not null ? next with { H2cUrl = $"{h2c.Scheme}://{h2c.Host}:{Next()}" } : next);
            }
        }

        return new MeshTopology(instances);

        int Next() => further.MoveNext() ? further.Current : throw new MeshStartException("no port of this machine is free for a further instance: ask for fewer with --instances.");
    }

    private static IEnumerable<int> FreePorts(int start, EphemeralPorts ephemeral)
    {
        start = Math.Min(start, LastPort);
        // From the start upward, then what is below it; ports for outgoing connections only when there are no others.
        var all = Enumerable.Range(start, LastPort + 1 - start).Concat(Enumerable.Range(1024, Math.Max(0, start - 1024))).ToList();
        return all.Where(port => !ephemeral.Contain(port)).Concat(all.Where(ephemeral.Contain));
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            socket.Listen(1);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private MeshInstance Only(ServiceKind kind) => Instances.First(i => i.Kind == kind);
}
