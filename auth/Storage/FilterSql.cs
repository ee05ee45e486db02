using Dapper;
using SecureMesh.Auth.Scim.Filters;

namespace SecureMesh.Auth.Storage;

/// <summary>A filter as a condition: columns come from a list, values go as parameters.</summary>
internal sealed class FilterSql(IReadOnlyDictionary<string, string> columns, DynamicParameters parameters)
{
    private int _count;

    public string Condition(Filter filter) => filter switch
    {
        BothFilters both => $"({Condition(both.Left)} AND {Condition(both.Right)})",
        EitherFilter either => $"({Condition(either.Left)} OR {Condition(either.Right)})",
        PresentFilter { Field: { Kind: FilterKind.Text or FilterKind.Key } field } => $"({Column(field)} IS NOT NULL AND {Column(field)} <> '')",
        PresentFilter present => $"{Column(present.Field)} IS NOT NULL",
        CompareFilter { Value: null } absent => $"{Column(absent.Field)} IS NULL",
        CompareFilter compare => Compare(compare),
        _ => throw new InvalidOperationException("an unknown kind of filter"),
    };

    public string Order(Listing listing, string last) => $"{Column(listing.SortBy)} {(listing.Descending ? "DESC" : "ASC")}, {last}";

    private string Column(FilterField field) => columns[field.Name];

    private string Compare(CompareFilter compare)
    {
        var column = Column(compare.Field);
        var value = compare.Value!;
        if (compare.Field.Kind == FilterKind.Key) value = ((string)value).ToLowerInvariant();
        if (compare.Operator is FilterOperator.Co or FilterOperator.Sw)
            value = (compare.Operator == FilterOperator.Co ? "%" : "") + Literal((string)value) + "%";
        var name = $"f{_count++}";
        parameters.Add(name, value);
        var (left, right) = compare.Field.Kind == FilterKind.Text ? ($"LOWER({column})", $"LOWER(@{name})") : (column, $"@{name}");
        return compare.Operator switch
        {
            FilterOperator.Eq => $"{left} = {right}",
            FilterOperator.Gt => $"{left} > {right}",
            FilterOperator.Ge => $"{left} >= {right}",
            FilterOperator.Lt => $"{left} < {right}",
            FilterOperator.Le => $"{left} <= {right}",
            _ => $"{left} LIKE {right} ESCAPE '!'",
        };
    }

    private static string Literal(string text) =>
        text.Replace("!", "!!", StringComparison.Ordinal).Replace("%", "!%", StringComparison.Ordinal).Replace("_", "!_", StringComparison.Ordinal);
}
