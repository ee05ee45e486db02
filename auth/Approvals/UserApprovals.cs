using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Approvals;

/// <summary>Decisions hold for one month; what the registration approves is not asked (uaa.md §2.3).</summary>
internal sealed class UserApprovals(IApprovalStore store, IAudit audit, TimeProvider time) : IApprovals
{
    private const string Offline = "offline_access";

    public async Task<Decisions> DecisionsAsync(User user, Client client, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        var stored = await store.ListAsync(user.ZoneId, user.Id, client.Id, time.GetUtcNow(), cancellationToken);
        var decided = stored.ToDictionary(approval => approval.Scope, approval => approval.Approved, StringComparer.Ordinal);
        List<string> approved = [], denied = [], undecided = [];
        foreach (var scope in scopes)
        {
            var list = IsAutoApproved(client, scope) ? approved : !decided.TryGetValue(scope, out var yes) ? undecided : yes ? approved : denied;
            list.Add(scope);
        }
        return new Decisions(approved, denied, undecided);
    }

    public async Task<IReadOnlyList<string>> UndecidedAsync(User user, Client client, IReadOnlyList<string> scopes, CancellationToken cancellationToken) =>
        (await DecisionsAsync(user, client, scopes, cancellationToken)).Undecided;

    public async Task DecideAsync(User user, Client client, IReadOnlyList<string> approved, IReadOnlyList<string> denied, CancellationToken cancellationToken)
    {
        var withdrawal = Withdrawal("the user denied a scope");
        Approval Decision(string scope, bool yes) => new()
        {
            UserId = user.Id,
            ClientId = client.Id,
            Scope = scope,
            Approved = yes,
            ExpiresAt = withdrawal.Now.AddMonths(1),
            UpdatedAt = withdrawal.Now,
        };
        await store.DecideAsync(user, [.. approved.Select(scope => Decision(scope, true)), .. denied.Select(scope => Decision(scope, false))], withdrawal, cancellationToken);
        var type = approved.Count > 0 ? "consent.given" : "consent.denied";
        audit.Record(new AuditEvent(type) { ClientId = client.Id, UserId = user.Id, Reason = OAuthError.Printable(Words.Join(approved.Count > 0 ? approved : denied)) });
    }

    public Withdrawal Withdrawal(string because)
    {
        var now = time.GetUtcNow();
        return new Withdrawal(now, now + TokenOptions.LongestAccess, because);
    }

    // true stands for every scope, as UAA stores it. Access while the user is away is never taken from a wildcard (T-15).
    private static bool IsAutoApproved(Client client, string scope) =>
        scope == Offline
            ? client.AutoApprove.Contains(Offline, StringComparer.Ordinal)
            : client.AutoApprove.Any(pattern => pattern == "true" || ScopePolicy.Matches(pattern, scope));
}
