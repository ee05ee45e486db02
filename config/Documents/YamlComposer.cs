using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace SecureMesh.Config.Documents;

/// <summary>
/// Builds the documents of a YAML file from the parser's events: YAML 1.1 scalars, merge keys, no duplicate keys, no tags
/// of one's own, and bounds on depth and aliases, since an alias can stand for a whole tree.
/// </summary>
internal sealed class YamlComposer(IParser parser)
{
    private const int DeepestNesting = 100;
    private const int MostCollectionAliases = 50;
    private const string CoreTags = "tag:yaml.org,2002:";

    private readonly Dictionary<string, YamlNode> _anchors = new(StringComparer.Ordinal);
    private int _collectionAliases;

    /// <summary>The next document's root; null at the end of the file.</summary>
    public YamlNode? NextDocument()
    {
        while (parser.MoveNext())
        {
            switch (parser.Current)
            {
                case DocumentStart:
                    _anchors.Clear();
                    _collectionAliases = 0;
                    Advance();
                    var root = Node(0);
                    Advance(); // the end of the document
                    return root;
                case StreamEnd:
                    return null;
            }
        }
        return null;
    }

    private ParsingEvent Current => parser.Current ?? throw new DocumentException(null, "the file ends too early");

    private void Advance()
    {
        if (!parser.MoveNext()) throw new DocumentException(null, "the file ends too early");
    }

    // Reads the node at the current event and leaves the parser at the node's last event.
    private YamlNode Node(int depth)
    {
        var origin = Origin(Current);
        if (depth > DeepestNesting) throw new DocumentException(origin, $"nested deeper than {DeepestNesting} levels");
        if (Current is AnchorAlias alias) return Aliased(alias, origin);
        if (Current is not NodeEvent start) throw new DocumentException(origin, "a value is missing");
        YamlNode node = start switch
        {
            Scalar scalar => new YamlScalar(Value(scalar, origin), origin),
            SequenceStart sequence => List(sequence, depth, origin),
            MappingStart mapping => Map(mapping, depth, origin),
            _ => throw new DocumentException(origin, "a value is missing"),
        };
        // Known from here on only: an alias inside its own node would be a tree without end.
        if (!start.Anchor.IsEmpty) _anchors[start.Anchor.Value] = node;
        return node;
    }

    private YamlNode Aliased(AnchorAlias alias, string origin)
    {
        if (!_anchors.TryGetValue(alias.Value.Value, out var node)) throw new DocumentException(origin, $"no anchor '{alias.Value.Value}' before this alias");
        if (node is not YamlScalar && ++_collectionAliases > MostCollectionAliases)
            throw new DocumentException(origin, $"more than {MostCollectionAliases} aliases of lists and maps");
        return node;
    }

    private YamlList List(SequenceStart start, int depth, string origin)
    {
        RefuseTag(start, "seq", origin);
        var items = new List<YamlNode>();
        for (Advance(); Current is not SequenceEnd; Advance()) items.Add(Node(depth + 1));
        return new(items, origin);
    }

    private YamlMap Map(MappingStart start, int depth, string origin)
    {
        RefuseTag(start, "map", origin);
        var own = new List<KeyValuePair<string, YamlNode>>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var merged = new List<YamlMap>();
        for (Advance(); Current is not MappingEnd; Advance())
        {
            var keyOrigin = Origin(Current);
            var isMerge = Current is Scalar { Style: ScalarStyle.Plain, Value: "<<", Tag.IsEmpty: true };
            var key = isMerge ? "<<" : Key(Node(depth + 1), keyOrigin);
            if (!names.Add(key)) throw new DocumentException(keyOrigin, $"duplicate key '{key}'");
            Advance();
            var value = Node(depth + 1);
            if (isMerge) merged.AddRange(Merged(value));
            else own.Add(new(key, value));
        }
        // The first map that has a key gives it; the map's own keys come before all (yaml.org/type/merge.html).
        foreach (var entry in merged.SelectMany(map => map.Entries).Where(entry => names.Add(entry.Key))) own.Add(entry);
        return new(own, origin);
    }

    private static IEnumerable<YamlMap> Merged(YamlNode value) => value switch
    {
        YamlMap map => [map],
        YamlList list when list.Items.All(item => item is YamlMap) => list.Items.Cast<YamlMap>(),
        _ => throw new DocumentException(value.Origin, "'<<' needs a map or a list of maps"),
    };

    // A key that is no text, such as 8080 or true, is written in brackets.
    private static string Key(YamlNode node, string origin) => node switch
    {
        YamlScalar { Value: string text } => text,
        YamlScalar scalar => $"[{ScalarText.Of(scalar.Value)}]",
        _ => throw new DocumentException(origin, "a list or map cannot be a key"),
    };

    private static object? Value(Scalar scalar, string origin)
    {
        if (scalar.Tag.IsEmpty) return scalar.Style == ScalarStyle.Plain ? Yaml11.Resolve(scalar.Value) : scalar.Value;
        if (scalar.Tag.IsNonSpecific) return scalar.Value;
        var value = scalar.Tag.Value switch
        {
            CoreTags + "str" => scalar.Value,
            CoreTags + "null" => null,
            CoreTags + "bool" => Yaml11.Bool(scalar.Value) ?? throw Unfit(scalar, origin),
            CoreTags + "int" => Yaml11.Int(scalar.Value) ?? throw Unfit(scalar, origin),
            CoreTags + "float" => Yaml11.Float(scalar.Value) ?? Whole(scalar, origin),
            _ => throw UnknownTag(scalar.Tag, origin),
        };
        return value;
    }

    private static double Whole(Scalar scalar, string origin) =>
        Yaml11.Int(scalar.Value) is { } whole ? double.Parse(ScalarText.Of(whole), CultureInfo.InvariantCulture) : throw Unfit(scalar, origin);

    private static void RefuseTag(NodeEvent start, string expected, string origin)
    {
        if (start.Tag.IsEmpty || start.Tag.IsNonSpecific || start.Tag.Value == CoreTags + expected) return;
        throw UnknownTag(start.Tag, origin);
    }

    private static DocumentException UnknownTag(TagName tag, string origin) => new(origin, $"the tag '{tag.Value}' is not supported");
    private static DocumentException Unfit(Scalar scalar, string origin) => new(origin, $"the value does not fit its tag '{scalar.Tag.Value}'");

    private static string Origin(ParsingEvent at) => string.Create(CultureInfo.InvariantCulture, $"{at.Start.Line}:{at.Start.Column}");
}
