using System.Globalization;
using YamlDotNet.Core;

namespace SecureMesh.Config.Documents;

/// <summary>Reads YAML into flat documents: maps join with a point, lists become <c>key[0]</c>.</summary>
internal static class YamlDocuments
{
    public static IReadOnlyList<ConfigDocument> Read(string text)
    {
        var documents = new List<ConfigDocument>();
        var scanner = new Scanner(new StringReader(text));
        try
        {
            var composer = new YamlComposer(new Parser(scanner));
            for (var index = 0; composer.NextDocument() is { } root; index++)
            {
                if (root is YamlScalar { Value: null }) continue; // nothing but comments
                documents.Add(ConfigDocument.Create(index, Flattening.Of(root)));
            }
        }
        catch (YamlException e)
        {
            throw new DocumentException(Origin(e.Start), e.Message);
        }
        // The parser does not turn each of its failures into its own exception: a bracket left open before a line that begins at
        // column 1 empties its stack of indentations.
        catch (Exception e) when (e is not (DocumentException or OutOfMemoryException))
        {
            throw new DocumentException(Origin(scanner.CurrentPosition), "not YAML; often a bracket, brace or quotation mark before this place is not closed");
        }
        return documents;
    }

    private static string Origin(Mark at) => string.Create(CultureInfo.InvariantCulture, $"{at.Line}:{at.Column}");

    private sealed class Flattening
    {
        private const int DeepestNesting = 100;
        private const int MostProperties = 20_000;
        private const int LongestKey = 4096;
        private const int MostCharacters = 4 * 1024 * 1024;

        private readonly OrderedDictionary<string, Property> _properties = new(StringComparer.Ordinal);
        private int _visited;
        private int _characters;

        public static IReadOnlyList<Property> Of(YamlNode root)
        {
            var flattening = new Flattening();
            if (root is YamlMap) flattening.Visit("", root, 0);
            else flattening.Visit("document", root, 0);
            return [.. flattening._properties.Values];
        }

        private void Visit(string path, YamlNode node, int depth)
        {
            // Aliases make a small file large: what counts is the size after they are resolved.
            if (depth > DeepestNesting || ++_visited > MostProperties || path.Length > LongestKey)
                throw new DocumentException(node.Origin, $"too large: at most {MostProperties} values, {DeepestNesting} levels and {LongestKey} characters in a key");
            switch (node)
            {
                case YamlMap map:
                    foreach (var (key, value) in map.Entries) Visit(Join(path, key), value, depth + 1);
                    break;
                case YamlList { Items.Count: > 0 } list:
                    for (var i = 0; i < list.Items.Count; i++) Visit(string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), list.Items[i], depth + 1);
                    break;
                default:
                    Add(path, (node as YamlScalar)?.Value ?? "", node.Origin);
                    break;
            }
        }

        private void Add(string key, object value, string origin)
        {
            _characters += key.Length + ((value as string)?.Length ?? 8);
            if (_characters > MostCharacters) throw new DocumentException(origin, $"too large: at most {MostCharacters} characters in all");
            _properties[key] = new(key, value, origin);
        }

        private static string Join(string path, string key) => path.Length == 0 || key.StartsWith('[') ? path + key : path + "." + key;
    }
}
