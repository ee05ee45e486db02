using System.Globalization;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Scim;

/// <summary>Answers that show a user, and the refusals they share.</summary>
internal sealed class UserAnswers(IUserDirectory directory, Current<UsersOptions> options)
{
    public static OAuthError NotFound(string id) => Scim(404, "scim_resource_not_found", $"User {OAuthError.Printable(id)} does not exist");

    public static OAuthError Scim(int status, string error, string message) => new(status, error, message) { AsScim = true };

    public static string PathId(HttpContext http) => (string)http.Request.RouteValues["id"]!;

    public static OAuthError Taken(string userName) => Scim(409, "scim_resource_already_exists", $"Username already in use: {OAuthError.Printable(userName)}");

    /// <summary>The version of <c>If-Match</c> (uaa.md §5.2): a number, quoted or not; null for <c>*</c>.</summary>
    /// <param name="request">The request.</param>
    /// <param name="missing">What is answered when there is none; null when it may be left out.</param>
    public static Result<Expected, OAuthError> Expects(HttpRequest request, string? missing)
    {
        var header = request.Headers.IfMatch.ToString().Trim();
        if (header.Length == 0) return missing is null ? new Expected(null) : Scim(400, "scim", missing);
        if (header == "*") return new Expected(null);
        var text = header is ['"', .., '"'] ? header[1..^1] : header;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            ? new Expected(version)
            : Scim(400, "scim", $"Invalid version match header (should be a version number): {OAuthError.Printable(header)}");
    }

    public static OAuthError Stale(string id) => Scim(409, "scim_resource_conflict", $"Attempt to update a user ({id}) with wrong version");

    public async Task<IResult> ShowAsync(HttpContext http, UserEntry entry, CancellationToken cancellationToken, int status = 200)
    {
        var groups = await GroupsAsync([entry], cancellationToken);
        http.Response.Headers.ETag = $"\"{entry.Version}\"";
        return new Answer(json => UserDocument.Write(json, entry, groups(entry))) { Status = status };
    }

    /// <summary>The groups of several users in two queries, the default ones included.</summary>
    public async Task<Func<UserEntry, IEnumerable<UserGroup>>> GroupsAsync(IReadOnlyList<UserEntry> entries, CancellationToken cancellationToken)
    {
        var everyones = await directory.NamedGroupsAsync(Zone.Default, Words.Split(options.Value.DefaultGroups), cancellationToken);
        var own = await directory.GroupsAsync(Zone.Default, [.. entries.Select(entry => entry.User.Id)], cancellationToken);
        return entry => own[entry.User.Id].Concat(everyones).DistinctBy(group => group.Name, StringComparer.Ordinal).OrderBy(group => group.Name, StringComparer.Ordinal);
    }
}

/// <summary>The version a caller expects; null: any.</summary>
internal sealed record Expected(long? Version);
