namespace SecureMesh.Auth.Login;

/// <summary>Sign-ins that a client has checked and a browser takes over: once, within a minute or so.</summary>
internal interface IAutologins
{
    Task AddAsync(string codeHash, string zoneId, string clientId, string userId, DateTimeOffset expiresAt, CancellationToken cancellationToken);

    /// <summary>The user of a code that is still good; it stays good.</summary>
    Task<string?> FindAsync(string codeHash, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Takes the code in one conditional write; null when it is unknown, used or too old.</summary>
    Task<string?> TakeAsync(string codeHash, DateTimeOffset now, CancellationToken cancellationToken);
}
