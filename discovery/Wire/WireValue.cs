namespace SecureMesh.Discovery.Wire;

/// <summary>
/// A value as both formats give it. XML is read in the form of its JSON twin: an attribute is the member <c>@name</c>, the
/// text beside attributes the member <c>$</c>, so that one reader serves both.
/// </summary>
internal sealed class WireValue
{
    private WireValue(string? text, Dictionary<string, WireValue>? members) => (Text, Members) = (text, members);

    /// <summary>The scalar; null for an object or a list.</summary>
    public string? Text { get; }

    public IReadOnlyDictionary<string, WireValue>? Members { get; }

    /// <summary>A list: nothing that is read has one, so its content is dropped.</summary>
    public static WireValue List { get; } = new(null, null);

    public WireValue? this[string name] => Members?.GetValueOrDefault(name);

    public static WireValue Of(string text) => new(text, null);

    public static WireValue Of(Dictionary<string, WireValue> members) => new(null, members);
}
