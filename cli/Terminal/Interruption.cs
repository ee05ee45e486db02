using System.CommandLine;
using System.Runtime.InteropServices;

namespace SecureMesh.Cli.Terminal;

/// <summary>Ctrl-C and SIGTERM end a command in order: files stay whole and a token that was just renewed is kept. The second one ends it at once.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly PosixSignalRegistration[] _registrations;

    private Interruption(CancellationToken outer)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(outer);
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => End(context, Terminal.ExitCode.Interrupted)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => End(context, Terminal.ExitCode.Terminated)),
        ];
    }

    private int ExitCode { get; set; } = Terminal.ExitCode.Interrupted;

    /// <summary>The action of a command that calls the mesh.</summary>
    public static void SetAction(Command command, Shell shell, Func<ParseResult, CancellationToken, Task<int>> action) =>
        command.SetAction(async (arguments, _) =>
        {
            using var interruption = new Interruption(shell.Stop);
            try
            {
                return await action(arguments, interruption._stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException e) when (interruption._stop.IsCancellationRequested)
            {
                throw new CommandFailure(interruption.ExitCode, "interrupted.", e);
            }
        });

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _stop.Dispose();
    }

    private void End(PosixSignalContext context, int exitCode)
    {
        if (_stop.IsCancellationRequested) return;
        context.Cancel = true;
        ExitCode = exitCode;
        _stop.Cancel();
    }
}
