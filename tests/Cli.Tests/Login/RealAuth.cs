using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Cli.Tests.Login;

/// <summary>The real token service with the demo's identities, on a port that its issuer names; one for all tests of a class.</summary>
public sealed class RealAuth : IAsyncLifetime
{
    private TestDatabase? _database;
    private MeshService<TokenEndpoint>? _service;

    public TestClock Clock { get; } = new();

    public string Url { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Url = $"http://127.0.0.1:{FreePort()}";
        _database = await Databases.CreateAsync(SqlEngine.Sqlite);
        _service = new MeshService<TokenEndpoint>(
            _database.Settings([("mesh:demo", "true"), ("mesh:issuer", Url + "/uaa/oauth/token"), ("urls", Url)]),
            services => services.AddSingleton<TimeProvider>(Clock));
        _service.Start();
    }

    public async ValueTask DisposeAsync()
    {
        if (_service is not null) await _service.DisposeAsync();
        if (_database is not null) await _database.DisposeAsync();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
