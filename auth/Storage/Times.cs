namespace SecureMesh.Auth.Storage;

/// <summary>Times as the database keeps them: milliseconds since 1970.</summary>
internal static class Times
{
    public static long Milliseconds(this DateTimeOffset time) => time.ToUnixTimeMilliseconds();

    public static DateTimeOffset At(this long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    public static DateTimeOffset? At(this long? milliseconds) => milliseconds is { } value ? value.At() : null;
}
