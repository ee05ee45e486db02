using Microsoft.Extensions.Options;

namespace SecureMesh.Auth.Token;

/// <summary>Section <c>auth:token</c>.</summary>
internal sealed class TokenOptions
{
    /// <summary>The longest life of an access token that any client may have.</summary>
    public static readonly TimeSpan LongestAccess = TimeSpan.FromSeconds(43_200);

    /// <summary>Life of an access token of a client that has no value of its own.</summary>
    public TimeSpan AccessTokenLifetime { get; set; } = TimeSpan.FromSeconds(600);

    /// <summary>A refresh token unused for this long is dead.</summary>
    public TimeSpan RefreshTokenIdle { get; set; } = TimeSpan.FromDays(14);

    /// <summary>Rotation never goes beyond this, counted from the sign-in.</summary>
    public TimeSpan RefreshTokenAbsolute { get; set; } = TimeSpan.FromDays(30);

    /// <summary>For how long a refresh token that was just exchanged gives the same answer again; zero for never.</summary>
    public TimeSpan RefreshTokenGrace { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The same for clients that live in a browser and have no secret (K-05): nothing there keeps a token safe for long.</summary>
    public TimeSpan RefreshTokenAbsoluteInBrowser { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Each refresh gives a new refresh token, unless the client's registration says otherwise; without a secret it always does.</summary>
    public bool RotateRefreshTokens { get; set; } = true;

    /// <summary>Refresh tokens only for sign-ins that were granted <c>uaa.offline_token</c> (UAA's <c>jwt.token.refresh.restrict_grant</c>).</summary>
    public bool RefreshNeedsOfflineToken { get; set; }

    /// <summary>How many sign-ins of one user at one client may be renewable at the same time; one more ends the oldest.</summary>
    public int SessionsPerUserAndClient { get; set; } = 200;

    /// <summary>Clients with a secret need a PKCE challenge too, unless their registration says otherwise; those without always do.</summary>
    public bool RequirePkce { get; set; } = true;

    /// <summary>Authorization requests must be pushed first (RFC 9126), whatever the client.</summary>
    public bool RequirePushedAuthorizationRequests { get; set; }

    /// <summary>Refresh tokens only for sign-ins with scope <c>offline_access</c>; by default, as UAA has it, the grant decides.</summary>
    public bool RefreshTokenNeedsOfflineAccess { get; set; }
}

internal sealed class TokenOptionsValidator : IValidateOptions<TokenOptions>
{
    public ValidateOptionsResult Validate(string? name, TokenOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.AccessTokenLifetime < TimeSpan.FromSeconds(1) || options.AccessTokenLifetime > TokenOptions.LongestAccess)
            result.AddError($"auth:token:accessTokenLifetime must be 1 second to 12 hours, not {options.AccessTokenLifetime}.");
        if (options.RefreshTokenAbsolute < TimeSpan.FromSeconds(1))
            result.AddError($"auth:token:refreshTokenAbsolute must be at least 1 second, not {options.RefreshTokenAbsolute}.");
        if (options.RefreshTokenIdle < TimeSpan.FromSeconds(1) || options.RefreshTokenIdle > options.RefreshTokenAbsolute)
            result.AddError($"auth:token:refreshTokenIdle must be 1 second to auth:token:refreshTokenAbsolute, not {options.RefreshTokenIdle}.");
        if (options.RefreshTokenAbsoluteInBrowser < TimeSpan.FromSeconds(1))
            result.AddError($"auth:token:refreshTokenAbsoluteInBrowser must be at least 1 second, not {options.RefreshTokenAbsoluteInBrowser}.");
        if (options.RefreshTokenGrace < TimeSpan.Zero || options.RefreshTokenGrace > TimeSpan.FromSeconds(60))
            result.AddError($"auth:token:refreshTokenGrace must be 0 to 60 seconds, not {options.RefreshTokenGrace}.");
        if (options.SessionsPerUserAndClient is < 1 or > 100_000)
            result.AddError($"auth:token:sessionsPerUserAndClient must be 1 to 100000, not {options.SessionsPerUserAndClient}.");
        return result.Build();
    }
}
