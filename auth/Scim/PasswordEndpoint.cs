using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients.Administration;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Scim;

/// <summary><c>PUT /uaa/Users/{id}/password</c> (uaa.md §5.3). A new password ends every token, sign-in and session of the user (T-11).</summary>
internal sealed class PasswordEndpoint(
    BearerAuthentication bearer, IUserDirectory directory, PasswordSignIn signIn, SlowHash slow, Current<UsersOptions> options, ISignInFailures failures,
    ISessions sessions, IAudit audit)
{
    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        // Strict: uaa.admin does not stand for password.write, and the audience must name it too.
        var token = await bearer.AuthenticateAsync(http, scope: "password.write", resource: "password", cancellationToken: cancellationToken);
        if (!token.IsSuccess) return token.Error;
        var body = await JsonBody.ReadObjectAsync(http.Request, cancellationToken);
        if (!body.IsSuccess) return body.Error with { AsScim = true };
        var fields = new ClientFields(body.Value);
        string? password = fields.Text("password"), old = fields.Text("oldPassword");
        if (fields.Fault is { } fault) return Refused(fault);
        var id = UserAnswers.PathId(http);

        // 1. Who may: a client any, a user its own with the old password, an administrator that of others.
        var caller = token.Value;
        var self = caller.User?.Id == id;
        if (self && old is null) return Refused(caller.HoldsAny() ? "Previous password is required even for admin" : "Previous password is required");
        if (caller.User is not null && !self && !caller.HoldsAny()) return Refused("Not permitted to change another user's password");

        // 2. What it shall be.
        if (options.Value.PasswordPolicy.Fault("Password", password ?? "") is { } weak) return Refused(weak);
        if (await directory.FindAsync(Zone.Default, id, cancellationToken) is not { User: { Origin: "uaa", PasswordHash: { } hash } user } entry)
            return UserAnswers.Scim(401, "bad_credentials", "Invalid password change request");
        if (self && await OldFaultAsync(http, user, old!, cancellationToken) is { } refused) return refused;
        switch (await slow.VerifyAsync(password!, hash))
        {
            case HashCheck.Match: return UserAnswers.Scim(422, "invalid_password", "Your new password cannot be the same as the old password.");
            case HashCheck.Busy: return Busy();
        }
        if (await slow.HashAsync(password!) is not { } stored) return Busy();

        // 3. Password, salt and the end of all that hangs on them, in one transaction.
        if (!await directory.TrySetPasswordAsync(entry, stored, Entropy.HexId(), cancellationToken))
            return UserAnswers.Scim(409, "scim_resource_conflict", "The password was changed at the same moment.");
        await failures.ClearAsync(Zone.Default, PasswordSignIn.NameHash(user.UserName), cancellationToken);
        await sessions.EndAllAsync(Zone.Default, user.Id, "password changed", cancellationToken);
        audit.Record(new AuditEvent("user.password.changed") { UserId = user.Id, Address = http.Connection.RemoteIpAddress, Reason = caller.Caller() });
        return new Answer(json =>
        {
            json.WriteString("status", "ok");
            json.WriteString("message", "password updated");
        });
    }

    // Through the one place that counts failures: a stolen token is no way to try passwords.
    private async Task<IResult?> OldFaultAsync(HttpContext http, User user, string old, CancellationToken cancellationToken)
    {
        var checkedUser = await signIn.AuthenticateAsync(user.UserName, old, http.Connection.RemoteIpAddress, cancellationToken);
        if (checkedUser.IsSuccess || checkedUser.Error.Description == "password change required") return null;
        return checkedUser.Error.Code == "invalid_client" ? UserAnswers.Scim(401, "unauthorized", "Old password is incorrect") : checkedUser.Error;
    }

    private static OAuthError Refused(string message) => UserBody.Invalid(message, "invalid_password");

    private static OAuthError Busy() => OAuthError.Busy("the queue of slow hashes is full");
}
