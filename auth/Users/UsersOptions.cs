using Microsoft.Extensions.Options;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Users;

/// <summary>Section <c>auth:users</c>.</summary>
internal sealed class UsersOptions
{
    /// <summary>Groups every user is in without being a member, separated by spaces.</summary>
    public string DefaultGroups { get; set; } =
        "ui openid password.write uaa.user approvals.me profile roles user_attributes uaa.offline_token email phone address offline_access oauth.approvals";

    public LockoutOptions Lockout { get; set; } = new();

    /// <summary>What a new password must have.</summary>
    public SecretPolicy PasswordPolicy { get; set; } = new();
}

/// <summary>When a name is locked after failed sign-ins.</summary>
internal sealed class LockoutOptions
{
    /// <summary>The failure, in a row, that locks.</summary>
    public int AfterFailures { get; set; } = 5;

    /// <summary>Failures longer ago do not count.</summary>
    public TimeSpan Within { get; set; } = TimeSpan.FromSeconds(1200);

    /// <summary>How long the lock lasts.</summary>
    public TimeSpan Period { get; set; } = TimeSpan.FromSeconds(300);
}

internal sealed class UsersOptionsValidator : IValidateOptions<UsersOptions>
{
    public ValidateOptionsResult Validate(string? name, UsersOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        foreach (var group in Words.Split(options.DefaultGroups).Where(group => !Words.IsScope(group) || group.StartsWith("mesh:", StringComparison.Ordinal)))
            result.AddError($"auth:users:defaultGroups: '{group}' cannot be a scope.");
        if (options.Lockout.AfterFailures < 1) result.AddError("auth:users:lockout:afterFailures must be at least 1.");
        if (options.Lockout.Within <= TimeSpan.Zero) result.AddError("auth:users:lockout:within must be positive.");
        if (options.Lockout.Period <= TimeSpan.Zero) result.AddError("auth:users:lockout:period must be positive.");
        options.PasswordPolicy.Validate("auth:users:passwordPolicy", result);
        return result.Build();
    }
}
