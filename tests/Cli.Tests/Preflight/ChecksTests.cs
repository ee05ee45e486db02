using System.Net;
using System.Net.Sockets;
using SecureMesh.Cli.Preflight;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Topology;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Cli.Tests.Preflight;

public sealed class ChecksTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private static readonly string[] Own = ["logs", "gateway", "auth-service", "account-service", "config", "registry"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("::1")]
    public void A_port_in_use_is_named_with_its_service(string address)
    {
        using var taken = new TcpListener(IPAddress.Parse(address), 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var mesh = new MeshTopology([new MeshInstance(ServiceKind.Gateway, 1, port)]);

        var refused = Assert.Throws<MeshStartException>(() => Checks.Ports(mesh));

        Assert.Equal($"port {port} (gateway) is in use: stop what listens there, or choose other ports with --port-base N.", refused.Message);
    }

    [Fact]
    public void A_port_that_was_just_given_back_is_free()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        using (var client = new TcpClient("127.0.0.1", port))
        using (var server = taken.AcceptTcpClient()) server.Close(); // leaves TIME_WAIT on the listener's port
        taken.Stop();

        Checks.Ports(new MeshTopology([new MeshInstance(ServiceKind.Auth, 1, port)]));
    }

    [Fact]
    public void A_data_folder_that_cannot_be_made_is_named()
    {
        var file = _folder.Write("a-file", "");

        var refused = Assert.Throws<MeshStartException>(() => Checks.DataFolder(file));

        Assert.StartsWith($"the data folder {file} cannot be written", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith("choose another one with --data DIR.", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_data_folder_belongs_to_one_mesh_at_a_time_and_is_free_when_that_is_gone()
    {
        var data = Path.Combine(_folder.Path, "data");
        using (Checks.DataFolder(data))
        {
            Assert.True(DataLock.IsTaken(data));
            var refused = Assert.Throws<MeshStartException>(() => Checks.DataFolder(data));
            Assert.StartsWith($"a mesh already runs on {data}", refused.Message, StringComparison.Ordinal);
        }

        Assert.False(DataLock.IsTaken(data));
        Checks.DataFolder(data).Dispose();
    }

    [Fact]
    public void A_new_data_folder_is_open_to_its_owner_alone()
    {
        var data = Path.Combine(_folder.Path, "new", "data");

        Checks.DataFolder(data).Dispose();

        foreach (var folder in Own.Select(name => Path.Combine(data, name)).Prepend(data)) Assert.Equal((folder, OwnerOnly), (folder, File.GetUnixFileMode(folder)));
    }

    [Fact]
    public void What_lies_in_a_data_folder_of_the_operator_is_closed_to_others_and_the_folder_itself_left_alone()
    {
        const UnixFileMode open = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        var data = Path.Combine(_folder.Path, "existing");
        foreach (var folder in Own.Select(name => Path.Combine(data, name)).Prepend(data))
        {
            Directory.CreateDirectory(folder);
            File.SetUnixFileMode(folder, open);
        }

        Checks.DataFolder(data).Dispose();

        Assert.Equal(open, File.GetUnixFileMode(data));
        foreach (var name in Own) Assert.Equal((name, OwnerOnly), (name, File.GetUnixFileMode(Path.Combine(data, name))));
    }

    [Fact]
    public void A_missing_program_is_named()
    {
        var refused = Assert.Throws<MeshStartException>(() => Checks.Programs(_folder.Path));

        Assert.Equal($"SecureMesh.Gateway is missing below {_folder.Path}: start the mesh by ./mesh, which builds it.", refused.Message);
    }

    [Theory]
    [InlineData("echo 'gateway.yml: 3: mapping values are not allowed'; exit 78", "the configuration is broken: gateway.yml: 3: mapping values are not allowed")]
    [InlineData("echo 'a.yml: 1: x'; echo 'b.yml: 2: y'; exit 78", "the configuration is broken: a.yml: 1: x (and 1 more)")]
    [InlineData("echo 'cannot start: no such folder' >&2; exit 78", "the configuration is broken: no such folder")]
    [InlineData("exit 5", "the configuration is broken: the check ended with exit code 5")]
    public async Task A_broken_configuration_file_is_named_in_one_line(string check, string expected)
    {
        Program(check);

        var refused = await Assert.ThrowsAsync<MeshStartException>(() => ConfigFilesAsync());

        Assert.Equal(expected, refused.Message);
    }

    [Fact]
    public async Task A_configuration_without_fault_passes()
    {
        Program("[ \"$1 $2\" = \"--check /configuration\" ] && exit 0; exit 9");

        await ConfigFilesAsync();
    }

    private Task ConfigFilesAsync() => Checks.ConfigFilesAsync(
        _folder.Path, "/configuration", new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin" }, TestContext.Current.CancellationToken);

    private void Program(string script)
    {
        var path = _folder.Write("SecureMesh.Config/SecureMesh.Config", "#!/bin/sh\n" + script + "\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
