namespace SecureMesh.Sdk;

/// <summary>
/// Settings that come from the service's environment, command line, files or code alone. Whoever controls the configuration
/// server is trusted with routes and policies, not with the secrets of every service.
/// </summary>
internal static class ReservedSettings
{
    /// <summary>Never filled into a value that the server sent: <c>http://example/?${MESH__SECRET}</c> would carry it away.</summary>
    private static readonly string[] Secret =
    [
        "mesh:secret", "mesh:clientSecret", "mesh:database", "mesh:credentials", "auth:keys", "auth:bootstrap", "gateway:browser:clientSecret", "gateway:basic:clientSecret",
        "gateway:exchange:clientSecret",
    ];

    /// <summary>What a service is, where it writes, whether it is open to strangers and whom it asks.</summary>
    private static readonly string[] Own = ["mesh:name", "mesh:data", "mesh:demo", "mesh:config"];

    /// <summary>What the host takes off the names of environment variables that are for it.</summary>
    private static readonly string[] Prefixes = ["ASPNETCORE_", "DOTNET_"];

    /// <summary>True when a placeholder of this name must not be filled in, however it is spelled.</summary>
    public static bool IsSecret(string name) => IsAmong(Secret, Key(name));

    /// <summary>True when the server may not set this.</summary>
    public static bool IsReserved(string name) => Key(name) is var key && (IsAmong(Secret, key) || IsAmong(Own, key));

    private static bool IsAmong(string[] settings, string key) => settings.Any(setting =>
        key.StartsWith(setting, StringComparison.OrdinalIgnoreCase) && (key.Length == setting.Length || key[setting.Length] == ':'));

    /// <summary>One spelling for all that a provider could take for the same setting.</summary>
    private static string Key(string name)
    {
        name = name.Trim();
        foreach (var prefix in Prefixes)
        {
            if (name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)) name = name[prefix.Length..];
        }
        var parts = ConfigEnvironment.Key(name, out _).Replace("__", ":", StringComparison.Ordinal)
            .Split(':', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return string.Join(':', parts);
    }
}
