namespace SecureMesh.Account.Accounts;

/// <summary>The accounts that can be read and saved. One whose registration is not finished does not exist here.</summary>
internal interface IAccounts
{
    /// <summary>Finds an account; names are equal without case.</summary>
    Task<Account?> FindAsync(AccountName name, CancellationToken cancellationToken);

    /// <summary>Replaces the content as a whole; of two savers at once the last one wins, never a mixture.</summary>
    /// <returns>False when there is no such account.</returns>
    Task<bool> SaveAsync(AccountName name, AccountContent content, CancellationToken cancellationToken);

    /// <summary>Stores the demo account, marked as such, unless an account of its name exists.</summary>
    /// <returns>False when one exists.</returns>
    Task<bool> AddDemoAsync(AccountContent content, CancellationToken cancellationToken);

    /// <summary>True when accounts marked as demo are stored.</summary>
    Task<bool> HasDemoAsync(CancellationToken cancellationToken);

    /// <summary>Removes the accounts marked as demo.</summary>
    /// <returns>How many there were.</returns>
    Task<int> RemoveDemoAsync(CancellationToken cancellationToken);
}
