using SecureMesh.Discovery.Access;
using SecureMesh.Discovery.Registry;

namespace SecureMesh.Discovery.Apps;

/// <summary>Operations 2, 3 and 11 to 13: what is done to one instance that is registered already.</summary>
internal sealed class LeaseEndpoint(LeaseRegistry registry, NamePolicy names, Audit audit)
{
    public Task RenewAsync(HttpContext http)
    {
        if (!Route.TryTimestamp(http, out var dirty)) return Answer.Empty(http, StatusCodes.Status400BadRequest);
        return ChangeAsync(http, (key, owner) => registry.Renew(key, owner, dirty), null);
    }

    public Task CancelAsync(HttpContext http) => ChangeAsync(http, registry.Cancel, key => audit.Cancelled(http, key));

    public Task SetStatusAsync(HttpContext http)
    {
        if (InstanceStatus.Find(http.Request.Query["value"]) is not { } status || !Route.TryTimestamp(http, out var dirty))
            return Answer.Empty(http, StatusCodes.Status400BadRequest);
        return ChangeAsync(http, (key, owner) => registry.SetStatus(key, owner, status, dirty), key => audit.StatusSet(http, key, status));
    }

    public Task RemoveStatusAsync(HttpContext http)
    {
        var value = http.Request.Query["value"].ToString();
        var status = value.Length == 0 ? InstanceStatus.Unknown : InstanceStatus.Find(value);
        if (status is null || !Route.TryTimestamp(http, out var dirty)) return Answer.Empty(http, StatusCodes.Status400BadRequest);
        return ChangeAsync(http, (key, owner) => registry.RemoveStatus(key, owner, status, dirty), key => audit.StatusRemoved(http, key));
    }

    public Task SetMetadataAsync(HttpContext http)
    {
        var entries = http.Request.Query.ToDictionary(entry => entry.Key, entry => entry.Value[0] ?? "", StringComparer.Ordinal);
        string? fault = null;
        return ChangeAsync(
            http,
            (key, owner) => registry.SetMetadata(key, owner, entries, RegistrationRules.Fault, out fault),
            key =>
            {
                if (fault is null) audit.MetadataSet(http, key);
                else audit.Malformed(http, key.App, fault);
            },
            () => fault);
    }

    private Task ChangeAsync(HttpContext http, Func<InstanceKey, string, Outcome> change, Action<InstanceKey>? done, Func<string?>? fault = null)
    {
        var caller = Caller.Of(http);
        if (Route.Key(http, registry) is not { } key) return Answer.Empty(http, StatusCodes.Status404NotFound);
        // Not 404 to a stranger: to a client that means "register again", for ever.
        var outcome = names.MayTouch(caller, key.App) ? change(key, caller.Name) : Outcome.NotOwner;
        if (outcome == Outcome.Done) done?.Invoke(key);
        if (outcome == Outcome.NotOwner) audit.Refused(http, key.App, key.Id, "the instance belongs to another");
        if (outcome == Outcome.Done && fault?.Invoke() is { } text) return Answer.Malformed(http, text, json: true);
        return Answer.Empty(http, outcome switch
        {
            Outcome.Done => StatusCodes.Status200OK,
            Outcome.Unknown => StatusCodes.Status404NotFound,
            Outcome.NotOwner => StatusCodes.Status403Forbidden,
            _ => StatusCodes.Status429TooManyRequests,
        });
    }
}
