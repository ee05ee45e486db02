using Xunit;

namespace SecureMesh.Sdk.Tests.Config;

public sealed class MeshDurationTests
{
    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("30s", 30_000)]
    [InlineData(" 1.5s ", 1_500)]
    [InlineData("10m", 600_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("7d", 604_800_000)]
    [InlineData("30S", 30_000)]
    [InlineData("00:00:30", 30_000)]
    [InlineData("1.00:00:00", 86_400_000)]
    [InlineData("0", 0)]
    [InlineData("-5s", -5_000)]
    public void Are_read_with_units_or_as_clock_time(string text, double milliseconds)
    {
        Assert.True(MeshDuration.TryParse(text, out var duration));
        Assert.Equal(milliseconds, duration.TotalMilliseconds);
        Assert.Equal(duration, MeshDuration.Parse(text));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("30")]
    [InlineData("s")]
    [InlineData("3 weeks")]
    [InlineData("1,5s")]
    [InlineData("1e3s")]
    [InlineData("99999999999999999999d")]
    [InlineData("9999999999999d")]
    [InlineData("25:61:00")]
    public void Without_a_unit_or_sense_are_refused(string? text)
    {
        Assert.False(MeshDuration.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.Zero, duration);
        if (text is not null) Assert.Throws<FormatException>(() => MeshDuration.Parse(text));
    }
}
