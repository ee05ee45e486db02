using System.Diagnostics;
using System.Globalization;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Supervision;
using SecureMesh.Cli.Topology;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Cli.Tests.Supervision;

public sealed class SupervisionTests
{
    [Fact]
    public async Task A_process_that_dies_is_started_again_with_a_new_id()
    {
        using var mesh = new ScriptedMesh();
        mesh.Instance(ServiceKind.Auth, "echo started; exec sleep 100").Start();
        await ScriptedMesh.UntilAsync(() => mesh.Board["auth-service"].Pid is not null, "the first process");
        var first = mesh.Board["auth-service"].Pid!.Value;

        using (var process = Process.GetProcessById(first)) process.Kill();
        await ScriptedMesh.UntilAsync(() => mesh.Board["auth-service"].Pid is { } pid && pid != first, "the second process");

        Assert.Equal(1, mesh.Board["auth-service"].Restarts);
        Assert.Equal(["auth-service ended with exit code 137 and is started again."], mesh.Said);
        await ScriptedMesh.UntilAsync(() => mesh.Log(ServiceKind.Auth) == "started\nstarted\n", "both in the log");
    }

    [Fact]
    public async Task One_that_keeps_failing_is_left_down_and_that_is_said_loudly()
    {
        var clock = new TestClock();
        using var mesh = new ScriptedMesh(clock);
        var auth = mesh.Instance(ServiceKind.Auth, "echo x >>$FOLDER/starts; echo 'the disk is gone' >&2; exit 3");
        auth.Start();

        while (!auth.Run.IsCompleted)
        {
            clock.Advance(TimeSpan.FromMilliseconds(500));
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Assert.Equal(5, (await File.ReadAllLinesAsync(Path.Combine(mesh.Folder, "starts"), TestContext.Current.CancellationToken)).Length);
        Assert.Equal(Phase.Failed, mesh.Board["auth-service"].Phase);
        Assert.Equal("the disk is gone", mesh.Board["auth-service"].LastError);
        Assert.StartsWith("!! auth-service is LEFT DOWN: it failed 5 times in 2 minutes. the disk is gone", mesh.Said[^1], StringComparison.Ordinal);
        Assert.Null(await auth.Run);
    }

    [Fact]
    public async Task One_that_cannot_start_is_not_started_again_and_its_reason_is_told()
    {
        using var mesh = new ScriptedMesh();
        var gateway = mesh.Instance(ServiceKind.Gateway, "echo x >>$FOLDER/starts; echo 'cannot start: route open-door has no policy.' >&2; exit 78");
        gateway.Start();

        Assert.Equal("route open-door has no policy.", await gateway.Run.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        Assert.Single(await File.ReadAllLinesAsync(Path.Combine(mesh.Folder, "starts"), TestContext.Current.CancellationToken));
        Assert.Equal(Phase.Failed, mesh.Board["gateway"].Phase);
        Assert.Empty(mesh.Said); // it ends the start, which tells the reason
    }

    [Fact]
    public async Task One_that_was_up_and_cannot_start_for_a_moment_is_started_again()
    {
        using var mesh = new ScriptedMesh();
        mesh.Instance(ServiceKind.Account, """
            echo x >>$FOLDER/starts
            case $(wc -l <$FOLDER/starts) in
              1) while [ ! -e $FOLDER/end ]; do read -r -t 0.05 <> <(:); done; exit 137 ;;
              2) echo 'cannot start: the port is taken.' >&2; exit 78 ;;
              *) exec sleep 100 ;;
            esac
            """).Start();
        await ScriptedMesh.UntilAsync(() => mesh.Board["account-service"].Pid is not null, "the first process");
        mesh.Board.Set("account-service", s => s with { Phase = Phase.Up }); // as the watch of its health does

        await File.WriteAllTextAsync(Path.Combine(mesh.Folder, "end"), "", TestContext.Current.CancellationToken);
        await ScriptedMesh.UntilAsync(() => File.Exists(Path.Combine(mesh.Folder, "starts")) && File.ReadAllLines(Path.Combine(mesh.Folder, "starts")).Length == 3, "the third process");

        Assert.Equal(2, mesh.Board["account-service"].Restarts);
        Assert.Equal("account-service ended with exit code 78 and is started again. It said: the port is taken.", mesh.Said[^1]);
    }

    [Fact]
    public async Task When_the_mesh_stops_the_gateway_goes_first_and_the_registry_last()
    {
        using var mesh = new ScriptedMesh();
        foreach (var kind in ServiceKind.All)
            mesh.Instance(kind, $"trap 'echo {kind.Name} >>$FOLDER/order; exit 0' TERM; echo ready; while :; do read -r -t 1 <> <(:); done").Start();
        await ScriptedMesh.UntilAsync(() => ServiceKind.All.All(k => mesh.Board[k.WireName].Pid is not null && mesh.Log(k) == "ready\n"), "all run");
        var pids = mesh.Board.Current.Instances.Select(i => i.Pid!.Value).ToList();

        await mesh.Mesh().StopAsync(CancellationToken.None);

        var order = await File.ReadAllLinesAsync(Path.Combine(mesh.Folder, "order"), TestContext.Current.CancellationToken);
        Assert.Equal(["gateway", "account", "auth"], order.Take(3));
        Assert.Equal(["config", "discovery"], order.Skip(3).Order());
        Assert.All(mesh.Board.Current.Instances, i => Assert.Equal(Phase.Stopped, i.Phase));
        Assert.All(pids, pid => Assert.Null(ProcessIdentity.StartOf(pid)));
        Assert.Empty(mesh.Said);
    }

    [Fact]
    public async Task One_that_does_not_listen_is_killed_within_five_seconds()
    {
        using var mesh = new ScriptedMesh();
        mesh.Instance(ServiceKind.Account, "trap '' TERM; echo deaf; while :; do read -r -t 1 <> <(:); done").Start();
        await ScriptedMesh.UntilAsync(() => mesh.Board["account-service"].Pid is not null && mesh.Log(ServiceKind.Account) == "deaf\n", "it runs");
        var pid = mesh.Board["account-service"].Pid!.Value;

        var watch = Stopwatch.StartNew();
        await mesh.Mesh().StopAsync(CancellationToken.None);

        Assert.True(watch.Elapsed > TimeSpan.FromSeconds(3)); // it had its time to end by itself
        Assert.Null(ProcessIdentity.StartOf(pid));
    }

    [Fact]
    public async Task Who_is_in_a_hurry_does_not_wait()
    {
        using var mesh = new ScriptedMesh();
        mesh.Instance(ServiceKind.Account, "trap '' TERM; echo deaf; while :; do read -r -t 1 <> <(:); done").Start();
        await ScriptedMesh.UntilAsync(() => mesh.Board["account-service"].Pid is not null && mesh.Log(ServiceKind.Account) == "deaf\n", "it runs");

        await mesh.Mesh().StopAsync(new CancellationToken(true)).WaitAsync(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Each_process_has_a_session_of_its_own_and_dies_with_its_supervisor()
    {
        using var mesh = new ScriptedMesh();
        mesh.Instance(ServiceKind.Auth, "exec sleep 100").Start();
        await ScriptedMesh.UntilAsync(() => mesh.Board["auth-service"].Pid is { } p && File.ReadAllText($"/proc/{p}/comm") == "sleep\n", "it runs");
        var pid = mesh.Board["auth-service"].Pid!.Value;

        var stat = (await File.ReadAllTextAsync($"/proc/{pid}/stat", TestContext.Current.CancellationToken)).Split(") ")[1].Split(' ');

        Assert.Equal(pid.ToString(CultureInfo.InvariantCulture), stat[3]); // session: Ctrl-C in the terminal does not reach it
        Assert.Equal(Environment.ProcessId.ToString(CultureInfo.InvariantCulture), stat[1]); // parent: nothing stands between
    }

    [Fact]
    public async Task The_state_file_tells_who_runs_and_is_for_its_owner_alone()
    {
        using var mesh = new ScriptedMesh();
        mesh.Instance(ServiceKind.Auth, "exec sleep 100").Start();
        await ScriptedMesh.UntilAsync(() => mesh.Board["auth-service"].Pid is not null, "it runs");

        var state = StateFile.Read(mesh.Folder)!;

        Assert.Equal(Environment.ProcessId, state.Pid);
        Assert.Equal(mesh.Board["auth-service"].Pid, state.Instances.Single(i => i.Name == "auth-service").Pid);
        Assert.Equal($"{Environment.ProcessId}\n", await File.ReadAllTextAsync(Path.Combine(mesh.Folder, "mesh.pid"), TestContext.Current.CancellationToken));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(mesh.Folder, "state.json")));
    }

    [Fact]
    public async Task What_an_earlier_run_left_behind_is_ended_but_never_a_stranger_with_the_same_id()
    {
        using var ours = Process.Start("sleep", "100");
        using var stranger = Process.Start("sleep", "100");
        var states = new[] { (ours, ProcessIdentity.StartOf(ours.Id)), (stranger, "1") }
            .Select(p => new InstanceState("auth-service", 1, "auth-service", 1, Phase.Up, p.Item1.Id, p.Item2)).ToList();

        await Leftovers.EndAsync(new MeshState(1, "1", DateTimeOffset.UnixEpoch, "", true, true, states), TestContext.Current.CancellationToken);

        Assert.True(ours.HasExited);
        Assert.False(stranger.HasExited);
        stranger.Kill();
    }
}
