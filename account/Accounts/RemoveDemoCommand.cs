using SecureMesh.Sdk;

namespace SecureMesh.Account.Accounts;

/// <summary>Started with <c>--remove-demo</c>, the program removes the demo accounts from its data and ends; it serves nothing.</summary>
internal sealed class RemoveDemoCommand(IAccounts accounts, IHostApplicationLifetime lifetime) : IHostedLifecycleService
{
    public const string Argument = "--remove-demo";

    /// <summary>A host with the store alone: neither the configuration server nor the registry need to run.</summary>
    public static WebApplication Build(string[] args)
    {
        var builder = WebApplication.CreateBuilder([.. args.Where(arg => arg != Argument)]);
        builder.Services.AddOptions<MeshOptions>().BindConfiguration("mesh");
        builder.AddAccountStore();
        builder.Services.AddHostedService<RemoveDemoCommand>();
        // A web host must listen somewhere; nothing is mapped, and it ends at once.
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        return builder.Build();
    }

    public async Task StartedAsync(CancellationToken cancellationToken)
    {
        Console.WriteLine($"removed {await accounts.RemoveDemoAsync(cancellationToken)} demo accounts");
        lifetime.StopApplication();
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
