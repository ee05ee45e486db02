using System.ComponentModel;
using SecureMesh.Cli.State;

namespace SecureMesh.Cli.Supervision;

/// <summary>Ends processes of an earlier run whose supervisor was killed where the kernel did not do so (not Linux).</summary>
internal static class Leftovers
{
    public static async Task EndAsync(MeshState? earlier, CancellationToken cancellationToken)
    {
        foreach (var instance in earlier?.Instances ?? [])
        {
            using var process = ProcessIdentity.Find(instance.Pid, instance.ProcessStart);
            if (process is null) continue;
            try
            {
                process.Kill();
                await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is InvalidOperationException or Win32Exception)
            {
                // It ended meanwhile, or it is not ours to end: then the check of its port speaks.
            }
        }
    }
}
