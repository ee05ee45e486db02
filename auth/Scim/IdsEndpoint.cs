using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Scim.Filters;

namespace SecureMesh.Auth.Scim;

/// <summary><c>/uaa/ids/Users</c> (uaa.md §5.5): ids for names and back, for callers that may know no more than that.</summary>
internal sealed class IdsEndpoint(BearerAuthentication bearer, IUserDirectory directory)
{
    private static readonly Dictionary<string, FilterField> _fields = UserDocument.Rules.Fields
        .Where(field => field.Key is "id" or "userName" or "origin").ToDictionary(StringComparer.OrdinalIgnoreCase);

    private static readonly ListingRules _rules = new(_fields, UserDocument.Members, "userName");

    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        // Strict: uaa.admin does not stand for scim.userids.
        var caller = await bearer.AuthenticateAsync(http, scope: "scim.userids", cancellationToken: cancellationToken);
        if (!caller.IsSuccess) return caller.Error;
        var query = http.Request.Query;
        var text = query["filter"].ToString();
        if (text.Length == 0) return Listing.Bad("a 'filter' parameter is required");
        if (FilterParser.Parse(text, UserDocument.Rules.Fields) is { } any && Fault(any) is { } fault) return Listing.Bad(fault);
        var listing = Listing.Read(query, _rules);
        if (!listing.IsSuccess) return listing.Error;

        var filter = listing.Value.Filter!;
        if (!query["includeInactive"].ToString().Equals("true", StringComparison.OrdinalIgnoreCase))
            filter = new BothFilters(filter, new CompareFilter(UserDocument.Rules.Fields["active"], FilterOperator.Eq, true));
        var (page, total) = await directory.ListAsync(Zone.Default, listing.Value with { Filter = filter }, cancellationToken);
        return new Answer(json =>
        {
            json.WriteStartArray("resources");
            foreach (var entry in page)
            {
                json.WriteStartObject();
                json.WriteString("id", entry.User.Id);
                json.WriteString("userName", entry.User.UserName);
                json.WriteString("origin", entry.User.Origin);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteNumber("startIndex", listing.Value.StartIndex);
            json.WriteNumber("itemsPerPage", listing.Value.Count);
            json.WriteNumber("totalResults", total);
            json.WriteStartArray("schemas");
            json.WriteStringValue(UserDocument.Schema);
            json.WriteEndArray();
        });
    }

    private static string? Fault(Filter filter) => filter switch
    {
        BothFilters both => Fault(both.Left) ?? Fault(both.Right),
        EitherFilter either => Fault(either.Left) ?? Fault(either.Right),
        PresentFilter => "Wildcards are not allowed in filter.",
        CompareFilter compare when !_fields.ContainsKey(compare.Field.Name) => "Invalid filter attribute.",
        CompareFilter { Operator: FilterOperator.Co or FilterOperator.Sw } => "Wildcards are not allowed in filter.",
        CompareFilter { Operator: not FilterOperator.Eq } => "Invalid operator.",
        _ => null,
    };
}
