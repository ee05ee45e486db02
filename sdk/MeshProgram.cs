using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Runs a service so that a start that must fail says so in one line; <c>--health URL</c> asks a running one instead.</summary>
public static class MeshProgram
{
    /// <summary>Exit code of a start that cannot succeed until an operator changes something (EX_CONFIG of sysexits.h).</summary>
    public const int CannotStart = 78;

    // The framework's switch for watching appsettings.json.
    private const string Watch = "DOTNET_hostBuilder__reloadConfigOnChange";

    /// <summary>Builds and runs the service until it is told to stop.</summary>
    /// <param name="build">Builds the application.</param>
    /// <returns>0 after an orderly stop, <see cref="CannotStart"/> when the configuration or the machine forbids the start.</returns>
    public static int Run(Func<WebApplication> build)
    {
        if (HealthMode.Address(Environment.GetCommandLineArgs()) is { } address) return HealthMode.Ask(address);
        // Settings come from the configuration server, which tells of changes. Each watched folder takes one of the 128 inotify
        // instances that Linux gives a user, and without one the start would fail.
        if (Environment.GetEnvironmentVariable(Watch) is null) Environment.SetEnvironmentVariable(Watch, "false");
        IHostApplicationLifetime? lifetime = null;
        try
        {
            var app = build();
            lifetime = app.Lifetime;
            app.Run();
            return 0;
        }
        catch (OperationCanceledException) when (lifetime?.ApplicationStopping.IsCancellationRequested == true)
        {
            return 0; // told to stop while it still waited for something it needs
        }
        catch (Exception e) when (Reason(e) is { } reason)
        {
            Console.Error.WriteLine("cannot start: " + reason.ReplaceLineEndings(" "));
            return CannotStart;
        }
    }

    private static string? Reason(Exception exception) => exception switch
    {
        MeshStartException e => e.Message,
        OptionsValidationException e => string.Join(" ", e.Failures),
        IOException { InnerException: AddressInUseException } e => e.Message + " Stop what listens there, or choose other ports (--port-base).",
        SocketException { SocketErrorCode: SocketError.AccessDenied or SocketError.AddressNotAvailable } e => "cannot listen: " + e.Message,
        AggregateException { InnerExceptions: [var only] } => Reason(only),
        _ => null,
    };
}
