using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Scim.Filters;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Scim;

/// <summary><c>/uaa/Users</c> (uaa.md §5.2): lists, shows, makes and deletes users.</summary>
internal sealed class UsersEndpoint(
    BearerAuthentication bearer, IUserDirectory directory, UserAnswers answers, SlowHash slow, Current<UsersOptions> options, ISessions sessions, IAudit audit, TimeProvider time)
{
    public async Task<IResult> ListAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, "scim.read");
        if (!caller.IsSuccess) return caller.Error;
        var listing = Listing.Read(http.Request.Query, UserDocument.Rules);
        if (!listing.IsSuccess) return listing.Error;
        var (page, total) = await directory.ListAsync(Zone.Default, listing.Value, cancellationToken);
        // Groups cost queries: they are read only where they are shown.
        var shown = listing.Value.Attributes;
        var groups = shown.Count == 0 || shown.Any(name => name.StartsWith("groups", StringComparison.OrdinalIgnoreCase))
            ? await answers.GroupsAsync(page, cancellationToken) : _ => [];
        return new Answer(json =>
        {
            json.WriteStartArray("resources");
            foreach (var entry in page) listing.Value.WriteResult(json, writer => UserDocument.Write(writer, entry, groups(entry)));
            json.WriteEndArray();
            json.WriteNumber("startIndex", listing.Value.StartIndex);
            json.WriteNumber("itemsPerPage", listing.Value.Count);
            json.WriteNumber("totalResults", total);
            json.WriteStartArray("schemas");
            json.WriteStringValue(UserDocument.Schema);
            json.WriteEndArray();
        });
    }

    public async Task<IResult> GetAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAsync(http, cancellationToken: cancellationToken);
        if (!caller.IsSuccess) return caller.Error;
        var id = UserAnswers.PathId(http);
        if (caller.Value.User?.Id != id && !caller.Value.HoldsAny("scim.read")) return OAuthError.InsufficientScope("scim.read");
        return await directory.FindAsync(Zone.Default, id, cancellationToken) is { } entry
            ? await answers.ShowAsync(http, entry, cancellationToken)
            : UserAnswers.NotFound(id);
    }

    public async Task<IResult> CreateAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, "scim.write", "scim.create");
        if (!caller.IsSuccess) return caller.Error;
        var body = await UserBody.ReadAsync(http.Request, cancellationToken);
        if (!body.IsSuccess) return body.Error;

        // 1. Who it shall be. The id is ours, random and never used again (O-07).
        var now = time.GetUtcNow();
        var user = new User { Id = User.NewId(), ZoneId = Zone.Default, UserName = "", Email = "", Salt = Entropy.HexId(), CreatedAt = now };
        var password = body.Value.Password;
        var read = body.Value.Over(new UserEntry { User = user, UpdatedAt = now, PasswordChangedAt = now }, merge: false);
        if (!read.IsSuccess) return read.Error;
        var entry = read.Value;
        if (entry.User.Origin == "uaa")
        {
            if (password is null) return UserBody.Invalid("A password must be provided.", "invalid_password");
            if (options.Value.PasswordPolicy.Fault("Password", password) is { } weak) return UserBody.Invalid(weak, "invalid_password");
        }

        // 2. The name is asked first, because a hash is expensive; the unique index decides all the same.
        if (await directory.FindByNameAsync(Zone.Default, entry.User.Origin, entry.User.UserName, cancellationToken) is not null)
            return UserAnswers.Taken(entry.User.UserName);
        if (entry.User.Origin == "uaa")
        {
            if (await slow.HashAsync(password!) is not { } hash) return OAuthError.Busy("the queue of slow hashes is full");
            entry = entry with { User = entry.User with { PasswordHash = hash } };
        }
        if (!await directory.TryAddAsync(entry, cancellationToken)) return UserAnswers.Taken(entry.User.UserName);
        audit.Record(new AuditEvent("user.created") { UserId = entry.User.Id, Address = http.Connection.RemoteIpAddress, Reason = caller.Value.Caller() });
        // Relative: the address that callers use is for the gateway to know.
        http.Response.Headers.Location = $"/uaa/Users/{entry.User.Id}";
        return await answers.ShowAsync(http, entry, cancellationToken, status: 201);
    }

    public async Task<IResult> DeleteAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, "scim.write");
        if (!caller.IsSuccess) return caller.Error;
        var expected = UserAnswers.Expects(http.Request, missing: null);
        if (!expected.IsSuccess) return expected.Error;
        var id = UserAnswers.PathId(http);
        if (await directory.FindAsync(Zone.Default, id, cancellationToken) is not { } entry) return UserAnswers.NotFound(id);
        if (expected.Value.Version is { } version && version != entry.Version) return UserAnswers.Stale(entry.User.Id);
        var shown = await answers.ShowAsync(http, entry, cancellationToken);
        await sessions.EndAllAsync(Zone.Default, entry.User.Id, "user deleted", cancellationToken);
        if (!await directory.DeleteAsync(Zone.Default, entry.User.Id, expected.Value.Version, cancellationToken)) return UserAnswers.Stale(entry.User.Id);
        audit.Record(new AuditEvent("user.deleted") { UserId = entry.User.Id, Address = http.Connection.RemoteIpAddress, Reason = caller.Value.Caller() });
        return shown;
    }
}
