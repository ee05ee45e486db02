using System.Net;
using SecureMesh.Cli.Commands;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Login;

/// <summary>The mesh that a command talks to: scheme, host and port of its gateway. Nothing secret is sent anywhere else.</summary>
internal sealed class Target
{
    private const string Standard = "http://localhost:8080";

    private Target(Uri url) => Url = url;

    public Uri Url { get; }

    /// <summary>Scheme, host and port, the port left out where it is the scheme's own.</summary>
    public string Name => Url.GetLeftPart(UriPartial.Authority);

    /// <summary>True for an address that cannot leave this machine.</summary>
    public bool IsLocal => IsLoopback(Url);

    /// <summary>The option, else MESH_URL, else the mesh that runs on the data folder here, else the documented address.</summary>
    public static Target Of(Shell shell, string? option)
    {
        if (option is not null) return Parse(option, "--url");
        if (shell.Variable("MESH_URL") is { } variable) return Parse(variable, "MESH_URL");
        foreach (var folder in new[] { shell.Folder, ProductFolders.Root }.Select(f => Path.Combine(f, ".mesh")).Distinct())
            if (Running(folder) is { } state) return Parse(state.GatewayUrl, StateFile.PathIn(folder));
        return Parse(Standard, "the default");
    }

    /// <summary>The further gateways of the same mesh, when it runs on a data folder of this machine.</summary>
    /// <param name="shell">Where its data folders would be.</param>
    /// <param name="data">Another one; null for none.</param>
    public IReadOnlyList<Target> Others(Shell shell, string? data)
    {
        string?[] folders = [data, Path.Combine(shell.Folder, ".mesh"), Path.Combine(ProductFolders.Root, ".mesh")];
        foreach (var folder in folders.OfType<string>().Distinct())
        {
            if (Running(folder) is not { } state || !Uri.TryCreate(state.GatewayUrl, UriKind.Absolute, out var url) || !Owns(url)) continue;
            return [.. state.Instances.Where(i => i.Service == "gateway" && i.Phase == Phase.Up && i.Port != Url.Port).Select(i => Parse($"http://127.0.0.1:{i.Port}", StateFile.PathIn(folder)))];
        }

        return [];
    }

    /// <param name="text">What was given.</param>
    /// <param name="origin">Where it was given, for the message.</param>
    public static Target Parse(string text, string origin)
    {
        if (!Uri.TryCreate(text.Trim(), UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.Host.Length == 0)
            throw CommandFailure.Usage($"{origin} must be the address of a gateway such as {Standard}, not '{PlainText.Of(text)}'.");
        if (url.PathAndQuery != "/" || url.Fragment.Length > 0 || url.UserInfo.Length > 0)
            throw CommandFailure.Usage($"{origin} must be scheme, host and port alone, as {url.Scheme}://{url.Authority}.");
        if (url.Scheme == "http" && !IsLoopback(url))
            throw CommandFailure.Usage($"{origin}: tokens would cross the network readable by all; use https://{url.Authority}.");
        return new Target(new Uri(url.GetLeftPart(UriPartial.Authority) + "/"));
    }

    public bool Owns(Uri address) => address.IsAbsoluteUri && address.Scheme == Url.Scheme
        && string.Equals(address.IdnHost, Url.IdnHost, StringComparison.OrdinalIgnoreCase) && address.Port == Url.Port && address.UserInfo.Length == 0;

    /// <summary>The address of a path of this mesh; never one of another host, whatever the path looks like.</summary>
    public Uri At(string path)
    {
        // Not by resolving against the base: //other.host/ would be another host then.
        if (!path.StartsWith('/') || !Uri.TryCreate(Name + path, UriKind.Absolute, out var address) || !Owns(address))
            throw CommandFailure.Usage($"'{PlainText.Of(path)}' is no path of {Name}; it begins with a slash, as /accounts/current.");
        return address;
    }

    public override string ToString() => Name;

    private static MeshState? Running(string folder)
    {
        try
        {
            return DataLock.IsTaken(folder) ? StateFile.Read(folder) : null;
        }
        catch (UnauthorizedAccessException)
        {
            return null; // another user's mesh: its owner would have to say where it is
        }
    }

    private static bool IsLoopback(Uri url) =>
        string.Equals(url.Host, "localhost", StringComparison.OrdinalIgnoreCase) || IPAddress.TryParse(url.IdnHost, out var address) && IPAddress.IsLoopback(address);
}
