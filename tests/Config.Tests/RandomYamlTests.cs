using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace SecureMesh.Config.Tests;

/// <summary>Random trees through all the forms: what went in as YAML comes out as the same JSON, and as YAML that reads the same again.</summary>
public sealed class RandomYamlTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(20_261_122)]
    public async Task A_tree_survives_flattening_and_merging(int seed)
    {
        var random = new Random(seed);
        await using var server = new ConfigServer();
        var trees = Enumerable.Range(0, 60).Select(_ => Map(random, 0)).ToArray();
        for (var i = 0; i < trees.Length; i++) server.File($"t{i}.yml", Yaml(trees[i], 0));

        for (var i = 0; i < trees.Length; i++)
        {
            var answer = await server.GetAsync($"/t{i}-default.json?resolvePlaceholders=false");
            Assert.True(JsonNode.DeepEquals(trees[i], answer.Json), $"seed {seed}, tree {i}\n{Yaml(trees[i], 0)}\n{answer.Body}");

            var yaml = await server.GetAsync($"/t{i}-default.yml?resolvePlaceholders=false");
            await using var again = new ConfigServer().File("again.yml", yaml.Body);
            if (i % 20 == 0) Assert.True(JsonNode.DeepEquals(trees[i], (await again.GetAsync("/again-default.json?resolvePlaceholders=false")).Json), $"seed {seed}, tree {i}\n{yaml.Body}");
        }
    }

    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    public async Task Random_bytes_are_configuration_or_an_error_and_never_the_end(int seed)
    {
        var random = new Random(seed);
        // A repository holds 10,000 files at most, so many are several repositories.
        for (var batch = SecureMesh.Tests.Support.Effort.Rounds(1, 30); batch > 0; batch--) await RandomFilesAsync(random);
    }

    private static async Task RandomFilesAsync(Random random)
    {
        const int files = 300;
        const string alphabet = "ab:-[]{},\n\n  '\"#&*!|>%@`\\\t?<=.019~$\u00e4\u65e5";
        await using var server = new ConfigServer();
        for (var i = 0; i < files; i++)
        {
            var text = new StringBuilder();
            for (var length = random.Next(60); length > 0; length--) text.Append(alphabet[random.Next(alphabet.Length)]);
            server.File($"t{i}.{(i % 3 == 0 ? "properties" : "yml")}", text.ToString());
        }

        for (var i = 0; i < files; i++)
        {
            var environment = await server.GetAsync($"/t{i}/default");
            Assert.Contains(environment.Status, new[] { 200, 500 });
            if (environment.Status == 500) Assert.StartsWith($"t{i}.", environment.Json["message"]!.GetValue<string>(), StringComparison.Ordinal);
            foreach (var form in new[] { "yml", "json", "properties" }) Assert.Contains((await server.GetAsync($"/t{i}-default.{form}")).Status, new[] { 200, 400, 500 });
        }
        Assert.DoesNotContain(server.Service.Logs, line => line.Contains("The request failed", StringComparison.Ordinal));
    }

    private static JsonObject Map(Random random, int depth)
    {
        var map = new JsonObject();
        for (var count = random.Next(1, 5); count > 0; count--) map[Word(random) + map.Count] = Node(random, depth + 1);
        return map;
    }

    private static JsonNode? Node(Random random, int depth) => random.Next(depth < 5 ? 6 : 4) switch
    {
        0 => JsonValue.Create(random.Next(-1000, 100_000)),
        1 => JsonValue.Create(random.Next(2) == 0),
        2 or 3 => JsonValue.Create(Text(random)),
        4 => Map(random, depth),
        _ => new JsonArray([.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Node(random, depth + 1))]),
    };

    private static string Word(Random random) => string.Concat(Enumerable.Range(0, random.Next(1, 8)).Select(_ => "abcdefgXYZ_-yno"[random.Next(15)])) + "k";

    private static string Text(Random random)
    {
        string[] special = ["yes", "010", "1:30", "null", "~", "", "a: b", "# x", "- x", "two\nlines\n", " padded ", "'", "\"", "\\", "${a}", "{cipher}x", "\u00e4\ud83d\ude00", "1e3", "0x1", "<<", "@x", "%x", "tab\there", "&a", "*a", "!t", "|", ">", "2001-01-01", "[", "}"];
        return random.Next(3) == 0 ? Word(random) : special[random.Next(special.Length)];
    }

    // Written by hand, so that the writer under test has no part in its own examination.
    private static string Yaml(JsonNode? node, int indent)
    {
        var pad = new string(' ', indent);
        return node switch
        {
            JsonObject map => string.Concat(map.Select(pair => pair.Value is JsonValue ? $"{pad}{Quoted(pair.Key)}: {Scalar(pair.Value)}\n" : $"{pad}{Quoted(pair.Key)}:\n{Yaml(pair.Value, indent + 2)}")),
            JsonArray list => string.Concat(list.Select(item => item is JsonValue ? $"{pad}- {Scalar(item)}\n" : $"{pad}-\n{Yaml(item, indent + 2)}")),
            _ => pad + Scalar(node) + "\n",
        };
    }

    private static string Scalar(JsonNode? node) => node!.GetValueKind() switch
    {
        System.Text.Json.JsonValueKind.String => Quoted(node.GetValue<string>()),
        System.Text.Json.JsonValueKind.Number => node.GetValue<int>().ToString(CultureInfo.InvariantCulture),
        _ => node.GetValue<bool>() ? "true" : "false",
    };

    private static string Quoted(string text) =>
        "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\t", "\\t", StringComparison.Ordinal) + "\"";
}
