namespace SecureMesh.Account.Accounts;

/// <summary>An account as callers see it. The names and their order are the wire's.</summary>
internal sealed record Account(
    string Name,
    DateTimeOffset LastSeen,
    IReadOnlyList<Item>? Incomes,
    IReadOnlyList<Item>? Expenses,
    Saving Saving,
    string? Note)
{
    public Account(string name, DateTimeOffset lastSeen, AccountContent content)
        : this(name, lastSeen, content.Incomes, content.Expenses, content.Saving, content.Note) { }
}

/// <summary>What the owner may change, always as a whole.</summary>
internal sealed record AccountContent(IReadOnlyList<Item>? Incomes, IReadOnlyList<Item>? Expenses, Saving Saving, string? Note)
{
    /// <summary>The content of an account that was just registered.</summary>
    public static AccountContent New { get; } = new(null, null, new Saving(DecimalText.Zero, Currency.USD, DecimalText.Zero, false, false), null);
}

/// <summary>Something that comes in or goes out regularly.</summary>
internal sealed record Item(string Title, DecimalText Amount, Currency Currency, Period Period, string Icon);

/// <summary>What is put aside.</summary>
internal sealed record Saving(DecimalText Amount, Currency Currency, DecimalText Interest, bool Deposit, bool Capitalization);

/// <summary>The member names are the wire's.</summary>
internal enum Currency
{
    USD,
    EUR,
    RUB,
}

/// <summary>The member names are the wire's.</summary>
internal enum Period
{
    YEAR,
    QUARTER,
    MONTH,
    DAY,
    HOUR,
}
