namespace SecureMesh.Auth.Login;

/// <summary>Whom a passcode stands for.</summary>
/// <param name="ZoneId">The zone.</param>
/// <param name="UserId">The person who asked for it at the browser.</param>
/// <param name="AuthTime">When the person signed in there.</param>
/// <param name="Amr">How.</param>
internal sealed record Passcode(string ZoneId, string UserId, DateTimeOffset AuthTime, IReadOnlyList<string> Amr);

/// <summary>One-time codes that a signed-in person carries to a terminal (U-05): single use, five minutes, the newest only.</summary>
internal interface IPasscodes
{
    /// <summary>A new code; the one before is void.</summary>
    Task<string> CreateAsync(Passcode passcode, CancellationToken cancellationToken);

    /// <summary>Takes the code in one conditional write; null when it is unknown, used, replaced or too old. The user is for the caller to check.</summary>
    Task<Passcode?> RedeemAsync(string code, CancellationToken cancellationToken);
}

/// <summary>The passcodes of all zones, one for each user.</summary>
internal interface IPasscodeStore
{
    Task ReplaceAsync(string codeHash, Passcode passcode, DateTimeOffset expiresAt, CancellationToken cancellationToken);

    /// <summary>Deletes and returns it; null when there is none that is good.</summary>
    Task<Passcode?> TakeAsync(string codeHash, DateTimeOffset now, CancellationToken cancellationToken);
}
