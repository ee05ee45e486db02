using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;

namespace SecureMesh.Sdk;

/// <summary>The configuration in force: where it is from, how old, and how a new one takes its place.</summary>
internal sealed class ConfigState(IConfigurationRoot root, ConfigClient client, KeptConfiguration kept)
{
    private long _confirmedAt;

    public ConfigProvider Provider { get; } = new();
    public ConfigClient Client => client;
    public KeptConfiguration Kept => kept;

    /// <summary>When the server last said that this is its configuration.</summary>
    public DateTimeOffset ConfirmedAt
    {
        get => DateTimeOffset.FromUnixTimeMilliseconds(Volatile.Read(ref _confirmedAt));
        set => Volatile.Write(ref _confirmedAt, value.ToUnixTimeMilliseconds());
    }

    /// <summary>The server's entity tag of what was last received; null when it names none or the values are the kept ones.</summary>
    public string? ETag { get; set; }

    public string? Version { get; private set; }

    /// <summary>The answer in force, as it came.</summary>
    public string Text { get; private set; } = "";

    /// <summary>True while the values are those of an earlier run.</summary>
    public bool FromKept { get; set; }

    /// <summary>Why the last fetch failed; null when it did not.</summary>
    public string? Fault { get; set; }

    /// <summary>Why the newest values were taken back; null when they are in force.</summary>
    public string? Refused { get; set; }

    /// <summary>Placeholders without a value in the configuration in force.</summary>
    public IReadOnlyCollection<string> Unresolved { get; private set; } = [];

    /// <summary>Placeholders in it that name a secret of this service and stay as text.</summary>
    public IReadOnlyCollection<string> Withheld { get; private set; } = [];

    /// <summary>Settings in it that are not the server's to make.</summary>
    public IReadOnlyCollection<string> Ignored { get; private set; } = [];

    /// <summary>Puts an environment in force, or leaves the old one when a part of the service refuses the new values.</summary>
    /// <param name="text">The answer, as it came.</param>
    /// <param name="environment">What it says.</param>
    /// <param name="checks">Who is asked before anything is in force; none while the service starts, which judges for itself.</param>
    /// <returns>Null, or why the new values were refused.</returns>
    public string? Apply(string text, ConfigEnvironment environment, IEnumerable<IConfigurationCheck>? checks = null)
    {
        var allowed = environment.Values.Where(pair => !ReservedSettings.IsReserved(pair.Key)).ToDictionary(StringComparer.OrdinalIgnoreCase);
        string[] ignored = [.. environment.Values.Keys.Where(ReservedSettings.IsReserved).Order(StringComparer.Ordinal)];
        var placeholders = new Placeholders(Own, allowed);
        var values = allowed.ToDictionary(pair => pair.Key, pair => (string?)placeholders.Fill(pair.Value), StringComparer.OrdinalIgnoreCase);
        if (checks is not null && Faults(checks, values) is { Length: > 0 } faults) return faults;
        var before = Provider.Values;
        if (Same(before, values))
        {
            (Text, Version, Unresolved, Withheld, Ignored) = (text, environment.Version, placeholders.Unresolved, placeholders.Withheld, ignored);
            return null;
        }
        try
        {
            Provider.Replace(values);
        }
        // Whoever watches the configuration may throw whatever it likes; options that do not validate are the usual case.
        // Half in force is worse than late, so the old values come back whole.
        catch (Exception e)
        {
            var reason = e is AggregateException many ? string.Join(' ', many.Flatten().InnerExceptions.Select(one => one.Message).Distinct()) : e.Message;
            TryReplace(before);
            return reason;
        }
        (Text, Version, Unresolved, Withheld, Ignored) = (text, environment.Version, placeholders.Unresolved, placeholders.Withheld, ignored);
        return null;
    }

    /// <summary>What the parts of the service say of values that are not in force yet. They are asked even when nothing changed: a fault they remember may be mended by that.</summary>
    private string Faults(IEnumerable<IConfigurationCheck> checks, IDictionary<string, string?> values)
    {
        var candidate = new ConfigProvider();
        candidate.Replace(values);
        using var configuration = new ConfigurationRoot([.. root.Providers.Select(provider => ReferenceEquals(provider, Provider) ? (IConfigurationProvider)candidate : new Loaded(provider))]);
        return string.Join(' ', checks.SelectMany(check => Faults(check, configuration)).Distinct());
    }

    private static IReadOnlyList<string> Faults(IConfigurationCheck check, IConfiguration configuration)
    {
        try
        {
            return check.Faults(configuration);
        }
        catch (Exception e) // what a part cannot even read, it cannot follow
        {
            return [$"{check.GetType().Name} cannot read it: {e.Message}"];
        }
    }

    private void TryReplace(IDictionary<string, string?> values)
    {
        try
        {
            Provider.Replace(values);
        }
        catch (AggregateException)
        {
            // The watcher that refused the new values cannot take the old ones either: it has reported that the first time.
        }
    }

    /// <summary>A value of the environment, the command line or the service's own files.</summary>
    private string? Own(string name)
    {
        if (name.Length == 0) return null;
        var key = ConfigEnvironment.Key(name, out _);
        foreach (var provider in root.Providers.Reverse())
        {
            if (ReferenceEquals(provider, Provider)) continue;
            if (provider.TryGet(name, out var value) || provider.TryGet(key, out value)) return value;
        }
        return null;
    }

    /// <summary>A source that is in use: it is read, and neither loaded again nor disposed of.</summary>
    private sealed class Loaded(IConfigurationProvider provider) : IConfigurationProvider
    {
        public bool TryGet(string key, out string? value) => provider.TryGet(key, out value);

        public void Set(string key, string? value) => throw new NotSupportedException();

        public IChangeToken GetReloadToken() => NoChange.Token;

        public void Load() { }

        public IEnumerable<string> GetChildKeys(IEnumerable<string> earlierKeys, string? parentPath) => provider.GetChildKeys(earlierKeys, parentPath);
    }

    private sealed class NoChange : IChangeToken, IDisposable
    {
        public static readonly NoChange Token = new();

        public bool HasChanged => false;

        public bool ActiveChangeCallbacks => false;

        public IDisposable RegisterChangeCallback(Action<object?> callback, object? state) => this;

        public void Dispose() { }
    }

    private static bool Same(IDictionary<string, string?> a, Dictionary<string, string?> b) =>
        a.Count == b.Count && b.All(pair => a.TryGetValue(pair.Key, out var value) && value == pair.Value);
}
