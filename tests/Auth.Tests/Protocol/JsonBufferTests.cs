using System.Text;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Tests.Protocol;

/// <summary>Answers are written into memory that is used again: what one of them had there is no part of another.</summary>
public sealed class JsonBufferTests
{
    [Fact]
    public void An_answer_that_broke_off_leaves_nothing_to_the_next()
    {
        Assert.Throws<InvalidOperationException>((Action)(() =>
        {
            using var broken = JsonBuffer.ForAnswer();
            broken.Json.WriteStartObject();
            broken.Json.WriteString("secret", "of somebody else");
            throw new InvalidOperationException();
        }));

        Assert.Equal("{}", Written());
        Assert.Equal("{}", Written());
    }

    [Fact]
    public void Two_that_are_written_at_once_are_apart()
    {
        using var outer = JsonBuffer.ForAnswer();
        outer.Json.WriteStartArray();

        Assert.Equal("{}", Written());
        outer.Json.WriteEndArray();

        Assert.Equal("[]", Encoding.UTF8.GetString(outer.Written));
    }

    [Fact]
    public void A_long_one_is_whole_and_its_memory_is_not_kept()
    {
        var text = new string('x', 100_000);
        using (var large = JsonBuffer.ForAnswer())
        {
            large.Json.WriteStringValue(text);
            Assert.Equal($"\"{text}\"", Encoding.UTF8.GetString(large.Written));
        }

        Assert.Equal("{}", Written());
    }

    private static string Written()
    {
        using var buffer = JsonBuffer.ForAnswer();
        buffer.Json.WriteStartObject();
        buffer.Json.WriteEndObject();
        return Encoding.UTF8.GetString(buffer.Written);
    }
}
