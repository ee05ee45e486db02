using System.ComponentModel;
using System.Diagnostics;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Preflight;

/// <summary>Runs a program of the mesh to its end.</summary>
internal static class ProgramRun
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task<ProgramEnd> RunAsync(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken, string? input = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            using var process = Process.Start(start)!;
            using var kill = patience.Token.Register(() => process.Kill(entireProcessTree: true));
            var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
            var said = process.StandardError.ReadToEndAsync(CancellationToken.None);
            await WriteAsync(process, input).ConfigureAwait(false);
            var errors = await said.ConfigureAwait(false);
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
            patience.Token.ThrowIfCancellationRequested();
            return new ProgramEnd(process.ExitCode, await output.ConfigureAwait(false), errors);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new MeshStartException($"{Path.GetFileName(program)} {string.Join(' ', arguments)} did not end within {Patience.TotalSeconds:0} seconds.");
        }
        catch (Win32Exception e)
        {
            throw new MeshStartException($"{program} cannot be executed ({e.Message}): build it again with ./mesh.", e);
        }
    }

    private static async Task WriteAsync(Process process, string? input)
    {
        try
        {
            if (input is not null) await process.StandardInput.WriteAsync(input).ConfigureAwait(false);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading all: what it said about that counts.
        }
    }
}

/// <summary>How a program ended and what it wrote.</summary>
internal sealed record ProgramEnd(int ExitCode, string Output, string Errors)
{
    /// <summary>What it said about a failure.</summary>
    public string Complaint => (Errors.Length > 0 ? Errors : Output).Trim();
}
