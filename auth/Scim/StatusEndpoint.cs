using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients.Administration;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Scim;

/// <summary><c>PATCH /uaa/Users/{id}/status</c> (uaa.md §5.2): unlocks a user, or makes it change its password.</summary>
internal sealed class StatusEndpoint(BearerAuthentication bearer, IUserDirectory directory, ISignInFailures failures, ISessions sessions, IAudit audit)
{
    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, "scim.write", "uaa.account_status.write");
        if (!caller.IsSuccess) return caller.Error;
        var body = await JsonBody.ReadObjectAsync(http.Request, cancellationToken);
        if (!body.IsSuccess) return body.Error with { AsScim = true };
        var fields = new ClientFields(body.Value);
        bool? locked = fields.Flag("locked"), change = fields.Flag("passwordChangeRequired");
        if (fields.Fault is { } fault) return Refused(fault);
        // Both work one way: a lock comes from failed sign-ins alone, and only a new password fulfils the demand for one.
        if (locked == true) return Refused("Cannot set user account to locked. User accounts only become locked through exceeding the allowed failed login attempts.");
        if (change == false) return Refused("The requirement that this user change their password cannot be removed via API.");
        if (locked is null && change is null) return Refused("Either locked or passwordChangeRequired must be given");
        var id = UserAnswers.PathId(http);
        if (await directory.FindAsync(Zone.Default, id, cancellationToken) is not { } entry) return UserAnswers.NotFound(id);

        if (locked is not null) await failures.ClearAsync(Zone.Default, PasswordSignIn.NameHash(entry.User.UserName), cancellationToken);
        if (change is not null)
        {
            await directory.RequirePasswordChangeAsync(Zone.Default, id, cancellationToken);
            await sessions.EndAllAsync(Zone.Default, id, "password change required", cancellationToken);
        }
        audit.Record(new AuditEvent(locked is not null ? "user.unlocked" : "user.password.expired")
        {
            UserId = id,
            Address = http.Connection.RemoteIpAddress,
            Reason = caller.Value.Caller(),
        });
        return new Answer(json =>
        {
            if (locked is not null) json.WriteBoolean("locked", false);
            if (change is not null) json.WriteBoolean("passwordChangeRequired", true);
        });
    }

    private static OAuthError Refused(string message) => UserAnswers.Scim(400, "scim", message);
}
