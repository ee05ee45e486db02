namespace SecureMesh.Auth.Scim.Filters;

/// <summary>What the values of an attribute are.</summary>
internal enum FilterKind
{
    Text,

    /// <summary>Text that is stored in lower case, so that an index serves.</summary>
    Key,

    Boolean,
    Number,

    /// <summary>Milliseconds since 1970; written as ISO 8601 or as the number.</summary>
    Time,
}

internal enum FilterOperator
{
    Eq,
    Co,
    Sw,
    Gt,
    Ge,
    Lt,
    Le,
}

/// <summary>An attribute that may be filtered on, under the one name by which the store knows it.</summary>
internal sealed record FilterField(string Name, FilterKind Kind);

/// <summary>A filter as a tree: nothing that a caller wrote becomes part of a statement (V-022).</summary>
internal abstract record Filter;

internal sealed record BothFilters(Filter Left, Filter Right) : Filter;

internal sealed record EitherFilter(Filter Left, Filter Right) : Filter;

internal sealed record PresentFilter(FilterField Field) : Filter;

/// <param name="Field">The attribute.</param>
/// <param name="Operator">How it is compared.</param>
/// <param name="Value">Text, a boolean, or a number; null stands for the absence of a value.</param>
internal sealed record CompareFilter(FilterField Field, FilterOperator Operator, object? Value) : Filter;
