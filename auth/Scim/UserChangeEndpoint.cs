using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;

namespace SecureMesh.Auth.Scim;

/// <summary>Changes users (uaa.md §5.2): PUT replaces, PATCH merges, each only over the version that the caller has read.</summary>
internal sealed class UserChangeEndpoint(BearerAuthentication bearer, IUserDirectory directory, UserAnswers answers, ISessions sessions, IAudit audit, TimeProvider time)
{
    public Task<IResult> PutAsync(HttpContext http, CancellationToken cancellationToken) => ChangeAsync(http, merge: false, cancellationToken);

    public Task<IResult> PatchAsync(HttpContext http, CancellationToken cancellationToken) => ChangeAsync(http, merge: true, cancellationToken);

    /// <summary><c>GET /Users/{id}/verify</c>: an administrator vouches for the address.</summary>
    public async Task<IResult> VerifyAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, "scim.write", "scim.create");
        if (!caller.IsSuccess) return caller.Error;
        var expected = UserAnswers.Expects(http.Request, missing: null);
        if (!expected.IsSuccess) return expected.Error;
        var id = UserAnswers.PathId(http);
        if (await directory.FindAsync(Zone.Default, id, cancellationToken) is not { } stored) return UserAnswers.NotFound(id);
        return await SaveAsync(http, caller.Value, stored, stored with { User = stored.User with { Verified = true } }, expected.Value, cancellationToken);
    }

    private async Task<IResult> ChangeAsync(HttpContext http, bool merge, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAsync(http, cancellationToken: cancellationToken);
        if (!caller.IsSuccess) return caller.Error;
        var id = UserAnswers.PathId(http);
        var admin = caller.Value.HoldsAny("scim.write");
        if (!admin && caller.Value.User?.Id != id) return OAuthError.InsufficientScope("scim.write");
        var body = await UserBody.ReadAsync(http.Request, cancellationToken);
        if (!body.IsSuccess) return body.Error;
        var expected = UserAnswers.Expects(http.Request, $"Missing If-Match for {http.Request.Method}");
        if (!expected.IsSuccess) return expected.Error;
        if (body.Value.Id is { } named && named != id) return UserBody.Invalid("The id of the body is not the one of the path");
        if (await directory.FindAsync(Zone.Default, id, cancellationToken) is not { } stored) return UserAnswers.NotFound(id);

        var read = body.Value.Over(stored, merge);
        if (!read.IsSuccess) return read.Error;
        if (read.Value.User.Origin != stored.User.Origin) return UserBody.Invalid("The origin of a user cannot change.");
        if (!admin && SelfEditFault(stored, read.Value)) return UserAnswers.Scim(403, "invalid_self_edit", "Users may change their own names and phone number alone.");
        return await SaveAsync(http, caller.Value, stored, read.Value, expected.Value, cancellationToken);
    }

    private async Task<IResult> SaveAsync(
        HttpContext http, VerifiedToken caller, UserEntry stored, UserEntry wanted, Expected expected, CancellationToken cancellationToken)
    {
        var id = stored.User.Id;
        if (expected.Version is { } version && version != stored.Version) return UserAnswers.Stale(id);
        var ends = EndsTokens(stored, wanted);
        var entry = wanted with { Version = stored.Version + 1, UpdatedAt = time.GetUtcNow() };
        switch (await directory.TryReplaceAsync(entry, stored.Version, ends, cancellationToken))
        {
            case Written.Stale: return UserAnswers.Stale(id);
            case Written.NameTaken: return UserAnswers.Taken(entry.User.UserName);
        }
        if (ends is not null) await sessions.EndAllAsync(Zone.Default, id, ends, cancellationToken);
        audit.Record(new AuditEvent("user.changed")
        {
            UserId = id,
            Address = http.Connection.RemoteIpAddress,
            Reason = ends is null ? caller.Caller() : $"{caller.Caller()}; {ends}",
        });
        return await answers.ShowAsync(http, entry, cancellationToken);
    }

    // An address that nobody has proved would open other people's accounts wherever an application goes by it (V-017, V-074).
    private static bool SelfEditFault(UserEntry stored, UserEntry wanted) =>
        wanted with { UpdatedAt = stored.UpdatedAt } != stored with
        {
            User = stored.User with
            {
                GivenName = wanted.User.GivenName,
                FamilyName = wanted.User.FamilyName,
                PhoneNumber = wanted.User.PhoneNumber,
                Attributes = wanted.User.Attributes,
            },
        };

    // Name and address stand in tokens and in rev_sig: tokens that show the old ones end, as in UAA.
    private static string? EndsTokens(UserEntry stored, UserEntry wanted)
    {
        if (stored.User.Active && !wanted.User.Active) return "user deactivated";
        if (stored.User.Verified && !wanted.User.Verified) return "user no longer verified";
        return stored.User.UserName != wanted.User.UserName || stored.User.Email != wanted.User.Email ? "user name or email changed" : null;
    }
}
