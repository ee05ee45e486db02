using System.Text;
using SecureMesh.Discovery.Registry;
using SecureMesh.Discovery.Wire;

namespace SecureMesh.Discovery.Access;

/// <summary>One line for each change and each refused attempt: who, from where, which instance.</summary>
internal sealed partial class Audit(RegistryMetrics metrics, ILogger<Audit> logger)
{
    public void Registered(HttpContext http, InstanceKey key) => Log.Registered(logger, key.App, Shown(key.Id), Caller.Of(http), From(http));

    public void Cancelled(HttpContext http, InstanceKey key) => Log.Cancelled(logger, key.App, Shown(key.Id), Caller.Of(http), From(http));

    public void StatusSet(HttpContext http, InstanceKey key, string status) => Log.StatusSet(logger, key.App, Shown(key.Id), status, Caller.Of(http), From(http));

    public void StatusRemoved(HttpContext http, InstanceKey key) => Log.StatusRemoved(logger, key.App, Shown(key.Id), Caller.Of(http), From(http));

    public void MetadataSet(HttpContext http, InstanceKey key) => Log.MetadataSet(logger, key.App, Shown(key.Id), Caller.Of(http), From(http));

    public void Refused(HttpContext http, string app, string id, string reason)
    {
        metrics.Refused();
        Log.Refused(logger, http.Request.Method, Shown(app), Shown(id), reason, Caller.Of(http), From(http));
    }

    public void Malformed(HttpContext http, string app, string reason) => Log.Malformed(logger, Shown(app), reason, Caller.Of(http), From(http));

    /// <summary>A caller's text, bounded and without anything that could begin a line of its own.</summary>
    private static string Shown(string text)
    {
        var cut = text.Length > 128 ? text[..128] + "…" : text;
        if (Limits.Printable(cut)) return cut;
        var safe = new StringBuilder(cut.Length);
        foreach (var c in cut) safe.Append(char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029' or >= '\ufffe' ? '?' : c);
        return safe.ToString();
    }

    private static string From(HttpContext http) => http.Connection.RemoteIpAddress?.ToString() ?? "";

    private static partial class Log
    {
        [LoggerMessage(EventIds.Registered, LogLevel.Information, "Registered {App}/{Id} for {Caller} from {Address}")]
        public static partial void Registered(ILogger logger, string app, string id, Caller caller, string address);

        [LoggerMessage(EventIds.Cancelled, LogLevel.Information, "Removed {App}/{Id} for {Caller} from {Address}")]
        public static partial void Cancelled(ILogger logger, string app, string id, Caller caller, string address);

        [LoggerMessage(EventIds.StatusSet, LogLevel.Information, "Set the status of {App}/{Id} to {Status} for {Caller} from {Address}")]
        public static partial void StatusSet(ILogger logger, string app, string id, string status, Caller caller, string address);

        [LoggerMessage(EventIds.StatusRemoved, LogLevel.Information, "Removed the set status of {App}/{Id} for {Caller} from {Address}")]
        public static partial void StatusRemoved(ILogger logger, string app, string id, Caller caller, string address);

        [LoggerMessage(EventIds.MetadataSet, LogLevel.Information, "Set metadata of {App}/{Id} for {Caller} from {Address}")]
        public static partial void MetadataSet(ILogger logger, string app, string id, Caller caller, string address);

        [LoggerMessage(EventIds.AccessRefused, LogLevel.Warning, "Refused {Method} of {App}/{Id}: {Reason}; asked by {Caller} from {Address}")]
        public static partial void Refused(ILogger logger, string method, string app, string id, string reason, Caller caller, string address);

        [LoggerMessage(EventIds.Malformed, LogLevel.Information, "Registration for {App} is malformed: {Reason}; sent by {Caller} from {Address}")]
        public static partial void Malformed(ILogger logger, string app, string reason, Caller caller, string address);
    }
}
