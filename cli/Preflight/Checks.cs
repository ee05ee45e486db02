using System.Net;
using System.Net.Sockets;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Supervision;
using SecureMesh.Cli.Topology;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Preflight;

/// <summary>What would otherwise go wrong in five logs at once is said here in one line, before anything is started.</summary>
internal static class Checks
{
    public static void Programs(string published)
    {
        foreach (var kind in ServiceKind.All)
            if (!File.Exists(PublishedPrograms.PathOf(published, kind)))
                throw new MeshStartException($"{kind.Program} is missing below {published}: start the mesh by ./mesh, which builds it.");
    }

    public static DataLock DataFolder(string data)
    {
        try
        {
            PrivateFolder.Create(data);
            PrivateFolder.CreateOrClose(LogFiles.Folder(data));
            foreach (var kind in ServiceKind.All) PrivateFolder.CreateOrClose(Path.Combine(data, kind.WireName));
            var probe = Path.Combine(data, ".writable");
            File.WriteAllText(probe, "");
            File.Delete(probe);
            return DataLock.TryTake(data) ?? throw AlreadyRunning(data);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MeshStartException($"the data folder {data} cannot be written ({e.Message.TrimEnd('.')}): choose another one with --data DIR.", e);
        }
    }

    public static void ConfigFolder(string config)
    {
        if (!Directory.Exists(config))
            throw new MeshStartException($"the configuration folder {config} does not exist: name a folder with --config DIR.");
    }

    public static void Ports(MeshTopology topology)
    {
        foreach (var instance in topology.Instances)
        {
            var isGateway = instance.Kind == ServiceKind.Gateway;
            // Browsers try [::1] for "localhost" first: who listens there would take the gateway's callers.
            if (InUse(IPAddress.Loopback, instance.Port) || (isGateway && Socket.OSSupportsIPv6 && InUse(IPAddress.IPv6Loopback, instance.Port)))
                throw new MeshStartException(
                    $"port {instance.Port} ({instance.Name}) is in use: stop what listens there, or choose other ports with --port-base N.");
        }
    }

    /// <summary>Has the configuration server read the files as it would when it serves them.</summary>
    public static async Task ConfigFilesAsync(string published, string config, IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken)
    {
        var run = await ProgramRun.RunAsync(
            PublishedPrograms.PathOf(published, ServiceKind.Config), ["--check", config], environment, cancellationToken).ConfigureAwait(false);
        if (run.ExitCode != 0) throw new MeshStartException($"the configuration is broken: {Line(run.Complaint) ?? $"the check ended with exit code {run.ExitCode}"}");
    }

    private static string? Line(string errors)
    {
        var lines = errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (lines.Length == 0) return null;
        var first = lines[0].StartsWith(OutputPump.CannotStart, StringComparison.Ordinal) ? lines[0][OutputPump.CannotStart.Length..] : lines[0];
        return lines.Length == 1 ? first : $"{first} (and {lines.Length - 1} more)";
    }

    private static MeshStartException AlreadyRunning(string data) =>
        new($"a mesh already runs on {data}{(StateFile.Read(data) is { } s ? $" (process {s.Pid}, {s.GatewayUrl})" : "")}: stop it with ./mesh down, or choose another folder with --data DIR and other ports with --port-base N.");

    private static bool InUse(IPAddress address, int port)
    {
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(1);
            return false;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AccessDenied)
        {
            throw new MeshStartException($"port {port} may not be used by this user: choose ports above 1023 with --port-base N.", e);
        }
        catch (SocketException)
        {
            return false; // no such address on this machine, for example IPv6 switched off
        }
    }
}
