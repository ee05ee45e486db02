namespace SecureMesh.Auth.Seed;

/// <summary>What kind of mesh a database belongs to.</summary>
internal interface IInstallation
{
    /// <summary>Notes how this database is used, if it is new.</summary>
    /// <returns>How it is used: <c>demo</c> or <c>production</c>.</returns>
    Task<string> ClaimModeAsync(string mode, CancellationToken cancellationToken);

    Task<bool> HasDemoIdentitiesAsync(CancellationToken cancellationToken);

    /// <summary>Deletes the demo's clients and users, all that is theirs, and the keys that signed their tokens.</summary>
    /// <returns>How many clients and users were deleted.</returns>
    Task<int> RemoveDemoAsync(CancellationToken cancellationToken);
}
