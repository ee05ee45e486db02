using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Token;

/// <summary>Which scopes a token gets.</summary>
internal sealed class ScopePolicy(UserGroups groups)
{
    // To act while the person is away is asked for by name, never a default.
    private const string Offline = "offline_access";

    /// <summary>For a user: requested (or the client's) ∩ the client's ∩ the user's groups.</summary>
    public async Task<Result<IReadOnlyList<string>, OAuthError>> ForUserAsync(Client client, User user, IReadOnlyList<string> requested, CancellationToken cancellationToken)
    {
        if (Foreign(client, requested) is { } foreign) return foreign;
        var held = await groups.OfAsync(user, cancellationToken);
        string[] granted = requested.Count > 0
            ? [.. requested.Where(held.Contains)]
            : [.. client.Scopes.Where(held.Contains), .. held.Where(scope => !client.Scopes.Contains(scope, StringComparer.Ordinal) && IsAllowed(client.Scopes, scope)).Order(StringComparer.Ordinal)];
        if (requested.Count == 0) granted = [.. granted.Where(scope => scope != Offline)];
        if (granted.Length > 0) return granted;
        var asked = Words.Join(requested.Count > 0 ? requested : client.Scopes);
        return OAuthError.InvalidScope($"[{asked}] is invalid. This user is not allowed any of the requested scopes");
    }

    /// <summary>The refusal of a scope that the client is not registered for, whoever the user is; null when there is none.</summary>
    public static OAuthError? Foreign(Client client, IReadOnlyList<string> requested) =>
        requested.FirstOrDefault(scope => !IsAllowed(client.Scopes, scope)) is { } foreign
            ? OAuthError.InvalidScope($"{foreign} is invalid. Please use a valid scope name in the request", Words.Join(client.Scopes))
            : null;

    /// <summary>What is left of a grant's scopes today: a scope that the client or the user has lost is not renewed.</summary>
    public async Task<IReadOnlyList<string>> StillHeldAsync(Client client, User user, IEnumerable<string> scopes, CancellationToken cancellationToken)
    {
        var held = await groups.OfAsync(user, cancellationToken);
        return [.. scopes.Where(scope => held.Contains(scope) && IsAllowed(client.Scopes, scope))];
    }

    /// <summary>For a client in its own name: its authorities, or fewer.</summary>
    public static Result<IReadOnlyList<string>, OAuthError> ForClient(Client client, IReadOnlyList<string> requested)
    {
        if (requested.FirstOrDefault(scope => !client.Authorities.Contains(scope, StringComparer.Ordinal)) is { } foreign)
            return OAuthError.InvalidScope($"Invalid scope: {foreign}", Words.Join(client.Authorities));
        return requested.Count > 0 ? requested.ToArray() : client.Authorities.ToArray();
    }

    // A name beginning with mesh: would forge an audience.
    private static bool IsAllowed(IEnumerable<string> registered, string scope) =>
        !scope.StartsWith("mesh:", StringComparison.Ordinal) && registered.Any(pattern => Matches(pattern, scope));

    /// <summary>UAA's wildcard: <c>*</c> stands for one run without dots, with regard to case.</summary>
    public static bool Matches(string pattern, string scope)
    {
        if (!pattern.Contains('*', StringComparison.Ordinal)) return string.Equals(pattern, scope, StringComparison.Ordinal);
        var wanted = pattern.Split('.');
        var actual = scope.Split('.');
        return wanted.Length == actual.Length && wanted.Zip(actual).All(pair => MatchesRun(pair.First, pair.Second));
    }

    private static bool MatchesRun(string pattern, string run)
    {
        var parts = pattern.Split('*');
        if (parts.Length == 1) return string.Equals(pattern, run, StringComparison.Ordinal);
        if (run.Length == 0 || !run.StartsWith(parts[0], StringComparison.Ordinal)) return false;
        var from = parts[0].Length;
        foreach (var part in parts[1..^1])
        {
            var at = run.IndexOf(part, from, StringComparison.Ordinal);
            if (at < 0) return false;
            from = at + part.Length;
        }
        return run.Length - from >= parts[^1].Length && run.EndsWith(parts[^1], StringComparison.Ordinal);
    }
}
