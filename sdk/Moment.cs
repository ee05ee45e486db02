namespace SecureMesh.Sdk;

/// <summary>
/// When something came, by both clocks of a machine: the one that people read may be set back, and the other one stands still while
/// the machine sleeps. Whatever may be kept for so long and no longer is measured by whichever says more.
/// </summary>
/// <param name="Timestamp">Of the clock that nobody sets (<see cref="TimeProvider.GetTimestamp"/>).</param>
/// <param name="Told">What the other one said then.</param>
public readonly record struct Moment(long Timestamp, DateTimeOffset Told)
{
    /// <summary>This moment.</summary>
    /// <param name="time">The clocks.</param>
    public static Moment Now(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return new(time.GetTimestamp(), time.GetUtcNow());
    }

    /// <summary>How long ago it is, at most; 0 or more.</summary>
    /// <param name="time">The clocks that it was taken from.</param>
    public TimeSpan Age(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        var (elapsed, told) = (time.GetElapsedTime(Timestamp), time.GetUtcNow() - Told);
        return told > elapsed ? told : elapsed;
    }
}
