using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Users;

internal static class UsersSlice
{
    public static WebApplicationBuilder AddUsers(this WebApplicationBuilder builder)
    {
        builder.AddCurrentOptions<UsersOptions, UsersOptionsValidator>("auth:users");
        builder.Services.AddSingleton<PasswordSignIn>();
        builder.Services.AddSingleton<UserGroups>();
        builder.Services.AddSingleton<KnownUsers>();
        return builder;
    }
}

/// <summary>The groups of a user, the default ones included.</summary>
internal sealed class UserGroups(IUsers users, Current<UsersOptions> options)
{
    public async Task<IReadOnlySet<string>> OfAsync(User user, CancellationToken cancellationToken)
    {
        var groups = new HashSet<string>(Words.Split(options.Value.DefaultGroups), StringComparer.Ordinal);
        groups.UnionWith(await users.GroupsAsync(user.ZoneId, user.Id, cancellationToken));
        return groups;
    }
}
