using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>Says what of the configuration in force did not take effect as written.</summary>
internal static partial class ConfigWarnings
{
    public static void Write(ILogger log, ConfigState state)
    {
        foreach (var name in state.Unresolved) Log.Unresolved(log, name);
        foreach (var name in state.Withheld) Log.Withheld(log, name);
        foreach (var name in state.Ignored) Log.Ignored(log, name);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.ConfigUnresolved, LogLevel.Warning, "The configuration names ${{{Name}}}, which this service does not know and which has no default: it stays as text")]
        public static partial void Unresolved(ILogger logger, string name);

        [LoggerMessage(EventIds.ConfigWithheld, LogLevel.Warning, "The configuration names ${{{Name}}}, which is a secret of this service and is filled in nowhere: it stays as text")]
        public static partial void Withheld(ILogger logger, string name);

        [LoggerMessage(EventIds.ConfigIgnored, LogLevel.Warning, "The configuration server sets {Name}, which this service takes from its own environment only: it is ignored")]
        public static partial void Ignored(ILogger logger, string name);
    }
}
