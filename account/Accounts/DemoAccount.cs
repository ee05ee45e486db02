using Microsoft.Extensions.Options;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Accounts;

/// <summary>Seeds the demo account where the demo is on, and refuses to start on one where it is off.</summary>
internal sealed partial class DemoAccount(IAccounts accounts, IOptions<MeshOptions> options, ILogger<DemoAccount> logger) : IHostedLifecycleService
{
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        if (options.Value.Demo)
        {
            if (await accounts.AddDemoAsync(Content, cancellationToken)) Log.Seeded(logger);
        }
        else if (await accounts.HasDemoAsync(cancellationToken))
        {
            throw new MeshStartException("the account data holds demo accounts: start with a fresh --data folder or database, or remove them with: ./mesh remove-demo (and the same --data or --database)");
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static AccountContent Content { get; } = new(
        Incomes:
        [
            Item("Salary", "42000", Currency.USD, Period.YEAR, "wallet"),
            Item("Scholarship", "500", Currency.USD, Period.MONTH, "edu"),
        ],
        Expenses:
        [
            Item("Rent", "1300", Currency.USD, Period.MONTH, "home"),
            Item("Utilities", "120", Currency.USD, Period.MONTH, "utilities"),
            Item("Meal", "20", Currency.USD, Period.DAY, "meal"),
            Item("Gas", "240", Currency.USD, Period.MONTH, "gas"),
            Item("Vacation", "3500", Currency.EUR, Period.YEAR, "island"),
            Item("Phone", "30", Currency.EUR, Period.MONTH, "phone"),
            Item("Gym", "700", Currency.USD, Period.YEAR, "sport"),
        ],
        new Saving(Amount("5900"), Currency.USD, Amount("3.32"), Deposit: true, Capitalization: false),
        "demo note");

    private static Item Item(string title, string amount, Currency currency, Period period, string icon) => new(title, Amount(amount), currency, period, icon);

    private static DecimalText Amount(string text) => DecimalText.TryParse(text, out var amount) ? amount : throw new FormatException(text);

    private static partial class Log
    {
        [LoggerMessage(EventIds.DemoSeeded, LogLevel.Information, "Stored the demo account")]
        public static partial void Seeded(ILogger logger);
    }
}
