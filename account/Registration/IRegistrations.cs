using SecureMesh.Account.Accounts;

namespace SecureMesh.Account.Registration;

/// <summary>
/// The steps of a registration. The account is reserved, then becomes active, or is claimed for undoing and then removed;
/// each step is one conditional write, so a registration that is still running and one that clears up after it, perhaps in
/// another process, can never both succeed.
/// </summary>
internal interface IRegistrations
{
    /// <summary>Reserves a name under a registration key.</summary>
    /// <returns>False when the name is taken or reserved, in whatever case it is written.</returns>
    Task<bool> ReserveAsync(AccountName name, string key, AccountContent content, CancellationToken cancellationToken);

    /// <summary>Makes a reserved account visible.</summary>
    /// <returns>The account; null when it was claimed for undoing meanwhile.</returns>
    Task<Account.Accounts.Account?> ActivateAsync(string key, CancellationToken cancellationToken);

    /// <summary>Claims a reserved account for undoing; from then on it cannot become active.</summary>
    /// <returns>False when it is active or gone.</returns>
    Task<bool> ClaimForUndoAsync(string key, CancellationToken cancellationToken);

    /// <summary>Removes an account that is not active and frees its name.</summary>
    Task RemoveAsync(string key, CancellationToken cancellationToken);

    /// <summary>Registrations begun at or before a time and not finished.</summary>
    Task<IReadOnlyList<UnfinishedRegistration>> UnfinishedAsync(DateTimeOffset begunBefore, CancellationToken cancellationToken);
}

/// <summary>A registration that neither succeeded nor was undone.</summary>
internal sealed record UnfinishedRegistration(string Name, string Key);
