using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace SecureMesh.Sdk;

/// <summary>Durations as people write them in configuration files: <c>500ms</c>, <c>30s</c>, <c>10m</c>, <c>1h</c>, <c>7d</c>, or <c>00:00:30</c>.</summary>
/// <remarks>
/// After <c>AddSecureMesh</c> every <see cref="TimeSpan"/> property of an options class takes these forms. A number without
/// a unit is refused, save 0: .NET would read it as days, Spring as milliseconds.
/// </remarks>
public static class MeshDuration
{
    private static readonly (string Unit, long Ticks)[] Units =
    [
        ("ms", TimeSpan.TicksPerMillisecond),
        ("s", TimeSpan.TicksPerSecond),
        ("m", TimeSpan.TicksPerMinute),
        ("h", TimeSpan.TicksPerHour),
        ("d", TimeSpan.TicksPerDay),
    ];

    /// <summary>Reads a duration; both forms, with invariant culture.</summary>
    /// <param name="text">The text.</param>
    /// <param name="duration">The duration, zero when the text is none.</param>
    /// <returns>False when the text is not a duration or does not fit.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        text = text?.Trim();
        if (string.IsNullOrEmpty(text)) return false;
        if (text == "0") return true;
        if (text.Contains(':', StringComparison.Ordinal)) return TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out duration);
        foreach (var (unit, ticks) in Units)
        {
            if (!text.EndsWith(unit, StringComparison.OrdinalIgnoreCase)) continue;
            const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint;
            if (!decimal.TryParse(text.AsSpan(0, text.Length - unit.Length), style, CultureInfo.InvariantCulture, out var amount)) return false;
            if (Math.Abs(amount) > long.MaxValue / (decimal)ticks) return false;
            duration = TimeSpan.FromTicks((long)(amount * ticks));
            return true;
        }
        return false;
    }

    /// <summary>Reads a duration.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="FormatException">The text is not a duration.</exception>
    public static TimeSpan Parse(string text) => TryParse(text, out var duration)
        ? duration
        : throw new FormatException($"'{text}' is not a duration: write 500ms, 30s, 10m, 1h, 7d or 00:00:30.");

    /// <summary>Lets the configuration binder read both forms wherever an options class has a <see cref="TimeSpan"/>.</summary>
    internal static void UseInBinder() => _ = Installed.Value;

    // Once for the process, and finished before anyone binds: the table of converters is shared, and two hosts that changed it
    // at the same time would leave the old converter in its cache.
    private static readonly Lazy<TypeDescriptionProvider> Installed =
        new(() => TypeDescriptor.AddAttributes(typeof(TimeSpan), new TypeConverterAttribute(typeof(Converter))));

    private sealed class Converter : TimeSpanConverter
    {
        public override object? ConvertFrom(ITypeDescriptorContext? context, CultureInfo? culture, object value) =>
            value is string text ? Parse(text) : base.ConvertFrom(context, culture, value);
    }
}
