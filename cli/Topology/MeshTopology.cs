using System.Net;
using System.Net.Sockets;

namespace SecureMesh.Cli.Topology;

/// <summary>Which processes there are and where each listens.</summary>
internal sealed record MeshTopology(IReadOnlyList<MeshInstance> Instances)
{
    public const int MaxPortBase = 65535 - 9;

    public int GatewayPort => Only(ServiceKind.Gateway).Port;

    /// <summary>What browsers and the issuer use; the gateway's other instances answer on ports of their own.</summary>
    public string GatewayUrl => $"http://localhost:{GatewayPort}";

    public string Issuer => GatewayUrl + "/uaa/oauth/token";

    public string AuthUrls => string.Join(',', Instances.Where(i => i.Kind == ServiceKind.Auth).Select(i => i.Url));

    public string ConfigUrl => Only(ServiceKind.Config).Url;

    public string RegistryUrl => Only(ServiceKind.Discovery).Url + "/eureka/";

    /// <summary>The first instance of each service has a fixed port, the further ones take free ones.</summary>
    public static MeshTopology Plan(int? portBase, InstanceCounts counts, Func<int>? freePort = null)
    {
        var firsts = ServiceKind.All
            .Select(kind => new MeshInstance(kind, 1, portBase is { } start ? start + kind.Offset : kind.DefaultPort)).ToList();
        var taken = firsts.Select(i => i.Port).ToHashSet();
        var instances = new List<MeshInstance>();
        foreach (var first in firsts)
        {
            instances.Add(first);
            for (var number = 2; number <= counts.Of(first.Kind); number++)
            {
                int port;
                do port = (freePort ?? FreePort)();
                while (!taken.Add(port));
                instances.Add(first with { Number = number, Port = port });
            }
        }

        return new MeshTopology(instances);
    }

    private MeshInstance Only(ServiceKind kind) => Instances.First(i => i.Kind == kind);

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
