using System.Globalization;
using System.Text.Json;
using SecureMesh.Auth.Scim.Filters;

namespace SecureMesh.Auth.Scim;

/// <summary>A user as UAA shows it (uaa.md §5.1): neither password nor salt.</summary>
internal static class UserDocument
{
    public const string Schema = "urn:scim:schemas:core:1.0";

    /// <summary>The members a user may have, in lower case; any other is refused, as in UAA.</summary>
    public static readonly IReadOnlySet<string> Members = new HashSet<string>(StringComparer.Ordinal)
    {
        "id", "externalid", "meta", "username", "name", "emails", "phonenumbers", "groups", "approvals", "active", "verified", "origin", "zoneid", "password",
        "passwordlastmodified", "previouslogontime", "lastlogontime", "aliasid", "aliaszid", "schemas", "displayname", "nickname", "title", "locale",
        "timezone", "usertype", "profileurl", "preferredlanguage", "salt", "addresses",
    };

    /// <summary>What a list can be filtered on and sorted by (uaa.md §5.4): nothing secret is among it.</summary>
    public static ListingRules Rules { get; } = new(Fields(
        (FilterKind.Key, "id", []), (FilterKind.Key, "userName", []), (FilterKind.Text, "email", ["emails.value", "emails"]),
        (FilterKind.Text, "givenName", ["name.givenName"]), (FilterKind.Text, "familyName", ["name.familyName"]),
        (FilterKind.Text, "phoneNumber", ["phoneNumbers.value", "phoneNumbers"]), (FilterKind.Boolean, "active", []), (FilterKind.Boolean, "verified", []),
        (FilterKind.Text, "origin", []), (FilterKind.Text, "external_id", ["externalId"]), (FilterKind.Time, "created", ["meta.created"]),
        (FilterKind.Time, "lastModified", ["meta.lastModified"]), (FilterKind.Number, "version", ["meta.version"]),
        (FilterKind.Time, "passwd_lastmodified", ["passwordLastModified"]), (FilterKind.Time, "last_logon_success_time", ["lastLogonTime"]),
        (FilterKind.Time, "previous_logon_success_time", ["previousLogonTime"])), Members, "created");

    public static void Write(Utf8JsonWriter json, UserEntry entry, IEnumerable<UserGroup> groups)
    {
        var user = entry.User;
        json.WriteString("id", user.Id);
        if (entry.ExternalId is not null) json.WriteString("externalId", entry.ExternalId);
        json.WriteStartObject("meta");
        json.WriteNumber("version", entry.Version);
        json.WriteString("created", Time(user.CreatedAt));
        json.WriteString("lastModified", Time(entry.UpdatedAt));
        json.WriteEndObject();
        json.WriteString("userName", user.UserName);
        json.WriteStartObject("name");
        if (user.FamilyName is not null) json.WriteString("familyName", user.FamilyName);
        if (user.GivenName is not null) json.WriteString("givenName", user.GivenName);
        json.WriteEndObject();
        Values(json, "emails", user.Email, primary: true);
        Values(json, "phoneNumbers", user.PhoneNumber, primary: false);
        json.WriteStartArray("groups");
        foreach (var group in groups)
        {
            json.WriteStartObject();
            json.WriteString("value", group.Id);
            json.WriteString("display", group.Name);
            json.WriteString("type", "DIRECT");
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("approvals");
        json.WriteEndArray();
        json.WriteBoolean("active", user.Active);
        json.WriteBoolean("verified", user.Verified);
        json.WriteString("origin", user.Origin);
        json.WriteString("zoneId", user.ZoneId);
        json.WriteString("passwordLastModified", Time(entry.PasswordChangedAt));
        if (user.PreviousLogonAt is { } previous) json.WriteNumber("previousLogonTime", previous.ToUnixTimeMilliseconds());
        if (user.LastLogonAt is { } last) json.WriteNumber("lastLogonTime", last.ToUnixTimeMilliseconds());
        using (var attributes = JsonDocument.Parse((user.Attributes with { Address = null }).ToJson()))
            foreach (var member in attributes.RootElement.EnumerateObject()) member.WriteTo(json);
        if (user.Attributes.Address is { } address)
        {
            json.WriteStartArray("addresses");
            json.WriteRawValue(address.ToJson());
            json.WriteEndArray();
        }
        json.WriteStartArray("schemas");
        json.WriteStringValue(Schema);
        json.WriteEndArray();
    }

    private static void Values(Utf8JsonWriter json, string name, string? value, bool primary)
    {
        json.WriteStartArray(name);
        if (!string.IsNullOrEmpty(value))
        {
            json.WriteStartObject();
            json.WriteString("value", value);
            if (primary) json.WriteBoolean("primary", false); // as UAA: a user has one address, and nobody marked it
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static Dictionary<string, FilterField> Fields(params (FilterKind Kind, string Name, string[] Others)[] fields) =>
        fields.SelectMany(field => field.Others.Append(field.Name).Select(name => (name, new FilterField(field.Name, field.Kind))))
            .ToDictionary(pair => pair.name, pair => pair.Item2, StringComparer.OrdinalIgnoreCase);
}
