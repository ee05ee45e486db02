namespace SecureMesh.Config.Documents;

/// <summary>A node of a YAML document after anchors and merge keys are resolved; an anchored node is shared, not copied.</summary>
internal abstract record YamlNode(string Origin);

internal sealed record YamlScalar(object? Value, string Origin) : YamlNode(Origin);

internal sealed record YamlList(IReadOnlyList<YamlNode> Items, string Origin) : YamlNode(Origin);

internal sealed record YamlMap(IReadOnlyList<KeyValuePair<string, YamlNode>> Entries, string Origin) : YamlNode(Origin);
