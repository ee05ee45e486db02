using SecureMesh.Auth.Approvals;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Login;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Authorize;

/// <summary>Whose agreement it is.</summary>
/// <param name="User">The person.</param>
/// <param name="AuthTime">When the person proved who it is.</param>
/// <param name="Amr">How.</param>
/// <param name="SessionId">Claim <c>sid</c>; null for a sign-in without a browser.</param>
internal sealed record Person(User User, DateTimeOffset AuthTime, IReadOnlyList<string> Amr, string? SessionId);

/// <summary>What a good request still needs: a sign-in, a consent, or nothing (OpenID Connect Core §3.1.2.3, §3.1.2.4).</summary>
internal sealed class AuthorizationFlow(
    ISessions sessions, IApprovals approvals, AuthorizationTransactions transactions, ScopePolicy scopes, IssuancePolicy policy, AuthorizationAnswers answers, IAudit audit,
    TimeProvider time)
{
    public async Task<IResult> ContinueAsync(HttpContext http, AuthorizationRequest request, OpenTransaction? transaction, CancellationToken cancellationToken)
    {
        // 1. The person said no.
        if (transaction is { Stored.Denied: true }) return await DeniedAsync(http, request, transaction, cancellationToken);

        // 2. Somebody is signed in, as freshly as the client wants, and it is whom it wants.
        var current = await sessions.CurrentAsync(http, cancellationToken);
        var person = current is var (session, user) ? new Person(user, session.AuthTime, session.Amr, session.Id) : null;
        var fresh = person is not null && transaction?.Stored.AuthenticatedSession == person.SessionId;
        if (person is null || MustSignIn(request, person, fresh))
        {
            if (request.Asks("none")) return Refused(request, "login_required", "Nobody is signed in as the application wants it");
            if (fresh) return Refused(request, "login_required", "Somebody else has signed in");
            if (person is null && Prefers.Json(http.Request)) return OAuthError.NoToken();
            return await ToPageAsync("/uaa/login", http, request, transaction, cancellationToken);
        }

        // 3. The person may have what the client asks for, or part of it.
        var granted = await MayAsync(request, person.User, cancellationToken);
        if (!granted.IsSuccess) return granted.Error;

        // 4. The person agrees.
        var agreed = await AgreedAsync(request, person.User, granted.Value, transaction, cancellationToken);
        if (agreed is null)
        {
            if (request.Asks("none")) return Refused(request, ConsentCode(request.Client), "The person must be asked");
            return await ToPageAsync("/uaa/oauth/confirm_access", http, request, transaction, cancellationToken);
        }
        if (agreed.Count == 0) return await DeniedAsync(http, request, transaction, cancellationToken);

        // 5. Answer.
        var answer = await answers.GrantAsync(request, person, agreed, transaction?.Stored.Hash, http.Connection.RemoteIpAddress, cancellationToken);
        if (current is var (reached, _) && answer is AuthorizationResponse) await sessions.ReachedAsync(reached, request.Client.Id, cancellationToken);
        return answer;
    }

    /// <summary>The same for a person who is no browser's: nobody can be asked anything.</summary>
    public async Task<Result<IReadOnlyList<string>, AuthorizationFailure>> MayWithoutBrowserAsync(
        AuthorizationRequest request, Person person, bool askedAlready, CancellationToken cancellationToken)
    {
        if (MustSignIn(request, person, fresh: askedAlready)) return new AuthorizationFailure(new OAuthError(400, "login_required", "The person must sign in at a browser"), request.Target);
        var granted = await MayAsync(request, person.User, cancellationToken);
        if (!granted.IsSuccess) return granted.Error;
        if (askedAlready) return granted.Value.ToArray();
        var agreed = await AgreedAsync(request, person.User, granted.Value, null, cancellationToken);
        return agreed is { Count: > 0 } ? agreed.ToArray() : new AuthorizationFailure(new OAuthError(400, ConsentCode(request.Client), "The person must be asked"), request.Target);
    }

    private bool MustSignIn(AuthorizationRequest request, Person person, bool fresh)
    {
        if (request.HintedUserId is { } hinted && hinted != person.User.Id) return true;
        if (fresh) return false;
        if (request.Asks("login") || request.Asks("select_account")) return true;
        // Zero is prompt=login; the clocks are the same, so nothing is added to any age.
        return request.MaxAge is { } most && (most == TimeSpan.Zero || time.GetUtcNow().ToUnixTimeMilliseconds() - person.AuthTime.ToUnixTimeMilliseconds() > most.TotalMilliseconds);
    }

    private async Task<Result<IReadOnlyList<string>, AuthorizationFailure>> MayAsync(AuthorizationRequest request, User user, CancellationToken cancellationToken)
    {
        if (await policy.CheckAsync(request.Client, user, cancellationToken) is { } refusal)
        {
            var code = refusal.Code is "unauthorized_client" or "invalid_scope" ? refusal.Code : "access_denied";
            return new AuthorizationFailure(refusal with { Code = code }, request.Target);
        }
        if (request.Claims.Acr is not null) return new AuthorizationFailure(OAuthError.AccessDenied("No such acr can be reached"), request.Target);
        var granted = await scopes.ForUserAsync(request.Client, user, request.Scopes, cancellationToken);
        return granted.IsSuccess ? granted.Value.ToArray() : new AuthorizationFailure(granted.Error, request.Target);
    }

    // The scopes agreed to; null while somebody must be asked.
    private async Task<IReadOnlyList<string>?> AgreedAsync(AuthorizationRequest request, User user, IReadOnlyList<string> granted, OpenTransaction? transaction, CancellationToken cancellationToken)
    {
        // Only of this person: whoever signs in afterwards is asked for himself.
        if (transaction?.Stored.ConsentedUser == user.Id) return [.. granted.Where(scope => transaction.Stored.ConsentedScopes.Contains(scope, StringComparer.Ordinal))];
        if (request.Asks("consent")) return null;
        var decisions = await approvals.DecisionsAsync(user, request.Client, granted, cancellationToken);
        return decisions.Undecided.Count > 0 ? null : decisions.Approved;
    }

    private async Task<IResult> ToPageAsync(string path, HttpContext http, AuthorizationRequest request, OpenTransaction? transaction, CancellationToken cancellationToken)
    {
        if (transaction is not null) return new ToPage(path, transaction.Id);
        var begun = await transactions.BeginAsync(http, request, claimed: true, cancellationToken);
        return begun.IsSuccess ? new ToPage(path, begun.Value) : new ErrorPage(begun.Error);
    }

    private async Task<IResult> DeniedAsync(HttpContext http, AuthorizationRequest request, OpenTransaction? transaction, CancellationToken cancellationToken)
    {
        if (!await answers.CloseAsync(request, transaction?.Stored.Hash, cancellationToken)) return AuthorizationAnswers.Ended;
        audit.Record(new AuditEvent("authorization.denied") { ClientId = request.Client.Id, Address = http.Connection.RemoteIpAddress });
        return Refused(request, "access_denied", "User denied access");
    }

    // UAA has a word of its own (uaa.md §2.1); both are in OpenID Connect Core §3.1.2.6.
    private static string ConsentCode(Client client) => client.Wire == "rfc" ? "consent_required" : "interaction_required";

    private static AuthorizationFailure Refused(AuthorizationRequest request, string code, string description) => new(new OAuthError(400, code, description), request.Target);
}
