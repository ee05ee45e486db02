namespace SecureMesh.Sdk;

/// <summary>Reads what a configuration server serves, as services do, without a server: for trying a configuration before it is in force.</summary>
public static class ServedConfiguration
{
    /// <summary>The settings of an answer (Spring Cloud Config, environment JSON) with their placeholders filled in.</summary>
    /// <param name="json">The answer.</param>
    /// <param name="own">The service's own environment and configuration, asked first for placeholders.</param>
    /// <param name="fault">Why it cannot be read; null when it can.</param>
    /// <returns>Values by .NET key, without what is not the server's to set; null when it cannot be read.</returns>
    public static IReadOnlyDictionary<string, string?>? Read(string json, Func<string, string?> own, out string? fault)
    {
        ArgumentNullException.ThrowIfNull(own);
        if (!ConfigEnvironment.TryParse(json, out var environment, out fault)) return null;
        var allowed = environment.Values.Where(pair => !ReservedSettings.IsReserved(pair.Key)).ToDictionary(StringComparer.OrdinalIgnoreCase);
        var placeholders = new Placeholders(own, allowed);
        return allowed.ToDictionary(pair => pair.Key, pair => (string?)placeholders.Fill(pair.Value), StringComparer.OrdinalIgnoreCase);
    }
}
