using System.Security.Claims;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Accounts;

/// <summary>Reads and saves accounts.</summary>
internal sealed class AccountsEndpoint(IAccounts accounts)
{
    /// <summary>The caller's own account.</summary>
    public Task<IResult> CurrentAsync(ClaimsPrincipal caller, CancellationToken cancellationToken) => AnswerAsync(caller.UserName(), cancellationToken);

    /// <summary>Any account: for services (scope <c>server</c>), for its owner, and the demo account for everyone.</summary>
    public async Task<IResult> ByNameAsync(string name, HttpContext http, ClaimsPrincipal caller, CancellationToken cancellationToken)
    {
        if (!MayRead(name, caller))
        {
            http.RefusedBecause(
                caller.HasScope("ui") ? "the account is not the caller's own, and its token has no scope server" : "the token has neither scope ui, with which owners read their account, nor scope server, with which services read any",
                "call as the owner with scope ui, or as a service with scope server; one that the route's scopes do not name is not shown to the service");
            return new Problem(403, "access_denied", "Only its owner and services with scope server may read this account");
        }
        return await AnswerAsync(name, cancellationToken);
    }

    /// <summary>Replaces the content of the caller's own account.</summary>
    public async Task<IResult> SaveCurrentAsync(HttpRequest request, ClaimsPrincipal caller, CancellationToken cancellationToken)
    {
        var content = await AccountRequest.ReadAsync(request, cancellationToken);
        if (!content.IsSuccess) return content.Refusal;
        var saved = AccountName.TryParse(caller.UserName(), out var name) && await accounts.SaveAsync(name, content.Value, cancellationToken);
        // Both bodies are empty: what clients of these paths expect.
        return saved ? Results.Ok() : Results.BadRequest();
    }

    // An owner's token must hold ui, as for /accounts/current: without, one that was given out for less would read the same.
    private static bool MayRead(string name, ClaimsPrincipal caller) =>
        name == AccountName.Demo.Text
        || caller.HasScope("server")
        || (caller.HasScope("ui") && AccountName.TryParse(name, out var wanted) && AccountName.TryParse(caller.UserName(), out var own) && own == wanted);

    private async Task<IResult> AnswerAsync(string? text, CancellationToken cancellationToken)
    {
        var account = AccountName.TryParse(text, out var name) ? await accounts.FindAsync(name, cancellationToken) : null;
        return account is null ? new Problem(404, "not_found", "There is no such account") : new AccountResult(account);
    }
}
