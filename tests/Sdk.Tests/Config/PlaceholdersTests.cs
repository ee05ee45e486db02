using Xunit;

namespace SecureMesh.Sdk.Tests.Config;

public sealed class PlaceholdersTests
{
    private static readonly Dictionary<string, string> Own = new() { ["NAME"] = "own", ["EMPTY"] = "", ["RAW"] = "a${NAME}b", ["A_B"] = "inner", ["WHICH"] = "A" };

    private static readonly Dictionary<string, string> Served = new(StringComparer.OrdinalIgnoreCase)
    {
        ["mesh:issuer"] = "${NAME}/uaa",
        ["NAME"] = "served",
        ["loop"] = "${loop}",
        ["ping"] = "${pong}",
        ["pong"] = "${ping}",
        ["list:0"] = "zero",
    };

    private readonly Placeholders _placeholders = new(Own.GetValueOrDefault, Served);

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("${NAME}", "own")]
    [InlineData("<${NAME}|${NAME}>", "<own|own>")]
    [InlineData("${EMPTY}", "")]
    [InlineData("${NOBODY:default}", "default")]
    [InlineData("${NOBODY:}", "")]
    [InlineData("${NOBODY:http://localhost:8761/eureka/}", "http://localhost:8761/eureka/")]
    [InlineData("${NOBODY:${NAME}}", "own")]
    [InlineData("${NOBODY:${NOONE:deep}}!", "deep!")]
    [InlineData("${${WHICH}_B}", "inner")]
    [InlineData("${mesh.issuer}/x", "own/uaa/x")]
    [InlineData("${list[0]}", "zero")]
    [InlineData("${RAW}", "a${NAME}b")]
    [InlineData("${NAME", "${NAME")]
    [InlineData("$NAME {NAME} $ {", "$NAME {NAME} $ {")]
    [InlineData("/uaa/{**rest}", "/uaa/{**rest}")]
    public void Are_filled(string text, string expected)
    {
        Assert.Equal(expected, _placeholders.Fill(text));
        Assert.Empty(_placeholders.Unresolved);
    }

    [Theory]
    [InlineData("${NOBODY}", "NOBODY")]
    [InlineData("a ${NOBODY} b", "NOBODY")]
    public void Without_a_value_stay_as_text_and_are_named(string text, string name)
    {
        Assert.Equal(text, _placeholders.Fill(text));
        Assert.Equal([name], _placeholders.Unresolved);
    }

    [Fact]
    public void In_a_circle_come_to_an_end()
    {
        Assert.Equal("${loop}", _placeholders.Fill("${loop}"));
        Assert.Equal(["loop"], _placeholders.Unresolved);
        Assert.Matches("^\\$\\{p[io]ng}$", _placeholders.Fill("${ping}"));
    }

    [Fact]
    public void That_multiply_come_to_an_end()
    {
        var bomb = Enumerable.Range(0, 16).ToDictionary(i => "b" + i, i => string.Concat(Enumerable.Repeat($"${{b{i + 1}}}", 10)));

        Assert.True(new Placeholders(_ => null, bomb).Fill("${b0}").Length < 1_000_000);
    }
}
