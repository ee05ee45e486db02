namespace SecureMesh.Config.Documents;

/// <summary>One flat key of a document.</summary>
/// <param name="Key">For example <c>pool.hosts[0].name</c>.</param>
/// <param name="Value">A string, bool, long, BigInteger or double; never null.</param>
/// <param name="Origin"><c>line:column</c> of the value, 1-based; null where it is not known.</param>
internal readonly record struct Property(string Key, object Value, string? Origin);

/// <summary>One document of a configuration file: YAML splits at <c>---</c>, properties at <c>#---</c>.</summary>
/// <param name="Index">Place in its file, from 0.</param>
/// <param name="Properties">Its keys in the order of the file, each once.</param>
/// <param name="Condition">The profiles it is for; null = always.</param>
internal sealed record ConfigDocument(int Index, IReadOnlyList<Property> Properties, ProfileExpression? Condition)
{
    private const string OnProfile = "spring.config.activate.on-profile";

    public static ConfigDocument Create(int index, IReadOnlyList<Property> properties)
    {
        List<string>? conditions = null;
        foreach (var property in properties)
        {
            // The spelling of Boot before 2.4; servers of today refuse it too, and silence would serve it to everybody.
            if (property.Key == "spring.profiles" || property.Key.StartsWith("spring.profiles[", StringComparison.Ordinal))
                throw new DocumentException(property.Origin, $"'spring.profiles' is no longer a condition: write '{OnProfile}'");
            if (property.Key == OnProfile || property.Key.StartsWith(OnProfile + "[", StringComparison.Ordinal))
                (conditions ??= []).AddRange(ScalarText.Of(property.Value).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
        }
        return new(index, properties, conditions is null ? null : ProfileExpression.AnyOf(conditions));
    }

    /// <summary>A file for one profile must not switch other profiles on.</summary>
    public void RefuseProfileSwitches()
    {
        foreach (var (key, _, origin) in Properties)
        {
            foreach (var name in (ReadOnlySpan<string>)["spring.profiles.active", "spring.profiles.include", "spring.profiles.default"])
            {
                if (key.StartsWith(name, StringComparison.Ordinal) && (key.Length == name.Length || key[name.Length] is '[' or '.'))
                    throw new DocumentException(origin, $"'{name}' is not allowed in a file for one profile");
            }
        }
    }
}

/// <summary>A configuration file that cannot be read; the text is for whoever edits the file.</summary>
internal sealed class DocumentException(string? origin, string message) : Exception(message)
{
    /// <summary><c>line:column</c>, or null.</summary>
    public string? Origin { get; } = origin;
}
