using System.Text;
using SecureMesh.Config.Documents;
using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary>The mesh's own files after an editor's accident: read, or refused in the reader's own words.</summary>
public sealed class MutatedFilesTests
{
    private const string Signs = "[]{}[]{},:'\"#&*!|>-?%@`~<= \t\n\n\r\\$a0\u00e4\u2028";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(20_261_122)]
    public void Every_accident_is_configuration_or_a_fault_with_words(int seed)
    {
        var random = new Random(seed);
        var faults = 0;
        var rounds = Effort.Rounds(150, 15_000);
        foreach (var original in Directory.GetFiles(RepositoryContentTests.Repository(), "*.yml").Order(StringComparer.Ordinal).Select(File.ReadAllText))
        {
            // As it stands, and without the comments, so that most accidents hit something.
            foreach (var text in new[] { original, string.Join('\n', original.Split('\n').Where(line => !line.TrimStart().StartsWith('#'))) })
            {
                for (var i = 0; i < rounds; i++)
                {
                    var mutated = Mutated(random, text);
                    if (Read(mutated, $"seed {seed}") is not { } fault) continue;
                    faults++;
                    Assert.False(fault.StartsWith("cannot be read (", StringComparison.Ordinal), $"seed {seed}: {fault}\n{mutated}");
                    Assert.DoesNotContain('\n', fault);
                }
            }
        }
        Assert.InRange(faults, rounds * 2 / 3, rounds * 28 / 3); // the accidents are neither all harmless nor all fatal
    }

    private static string? Read(string text, string seed)
    {
        try
        {
            YamlDocuments.Read(text);
        }
        catch (DocumentException)
        {
            // The one exception a reader may throw.
        }
        catch (Exception e)
        {
            Assert.Fail($"{seed}: {e}\n{text}");
        }
        return ConfigFile.Read(".yml", Encoding.UTF8.GetBytes(text)).Fault;
    }

    private static string Mutated(Random random, string text)
    {
        for (var times = random.Next(1, 4); times > 0 && text.Length > 1; times--)
        {
            var at = random.Next(text.Length);
            var length = Math.Min(random.Next(1, 40), text.Length - at);
            text = random.Next(7) switch
            {
                0 => text.Remove(at, 1),
                1 => text.Remove(at, length),
                2 => text.Insert(at, Signs[random.Next(Signs.Length)].ToString()),
                3 => string.Concat(text.AsSpan(0, at), Signs[random.Next(Signs.Length)].ToString(), text.AsSpan(at + 1)),
                4 => text.Insert(random.Next(text.Length), text.Substring(at, length)),
                5 => text[..at],
                _ => WithoutOne(random, text),
            };
        }
        return text;
    }

    // A bracket, brace or quotation mark too few is what people do most.
    private static string WithoutOne(Random random, string text)
    {
        var places = Enumerable.Range(0, text.Length).Where(i => text[i] is '[' or ']' or '{' or '}' or '"' or ':').ToArray();
        return places.Length == 0 ? text : text.Remove(places[random.Next(places.Length)], 1);
    }
}
