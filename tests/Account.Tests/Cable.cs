using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace SecureMesh.Account.Tests;

/// <summary>Passes connections on to a server until it is pulled out.</summary>
internal sealed class Cable : IDisposable
{
    private readonly string _host;
    private readonly int _port;
    private readonly ConcurrentBag<TcpClient> _connections = [];
    private TcpListener _listener = new(IPAddress.Loopback, 0);

    public Cable(string host, int port)
    {
        (_host, _port) = (host, port);
        PlugIn();
    }

    public int Port { get; private set; }

    /// <summary>Breaks all connections and refuses new ones.</summary>
    public void PullOut()
    {
        _listener.Stop();
        while (_connections.TryTake(out var connection)) connection.Dispose();
    }

    /// <summary>Passes connections on again, at the same port.</summary>
    public void PlugInAgain()
    {
        _listener = new TcpListener(IPAddress.Loopback, Port);
        PlugIn();
    }

    public void Dispose() => PullOut();

    private void PlugIn()
    {
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = AcceptAsync(_listener);
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true) _ = ConnectAsync(await listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Pulled out.
        }
    }

    private async Task ConnectAsync(TcpClient near)
    {
        var far = new TcpClient();
        _connections.Add(near);
        _connections.Add(far);
        try
        {
            await far.ConnectAsync(_host, _port);
            await Task.WhenAny(near.GetStream().CopyToAsync(far.GetStream()), far.GetStream().CopyToAsync(near.GetStream()));
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // One side ended; so does the other.
        }
        near.Dispose();
        far.Dispose();
    }
}
