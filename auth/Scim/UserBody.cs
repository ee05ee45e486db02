using System.Text.Json;
using System.Text.RegularExpressions;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Registration;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Scim;

/// <summary>A user as a caller sends it: names of members are read without regard to case, because uaac writes them in lower case.</summary>
internal sealed partial class UserBody
{
    private const int LongestText = 255;

    // Names that are paths below /uaa/users and /accounts.
    private static readonly string[] Reserved = ["current"];

    private readonly Dictionary<string, JsonElement> _members = new(StringComparer.Ordinal);
    private readonly HashSet<string> _cleared = new(StringComparer.Ordinal);
    private string? _fault;

    private UserBody() { }

    public string? Id => Text("id");

    public string? Password => Text("password");

    public bool Has(string member) => _members.TryGetValue(member, out var value) && value.ValueKind != JsonValueKind.Null;

    public static async Task<Result<UserBody, OAuthError>> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var json = await JsonBody.ReadObjectAsync(request, cancellationToken);
        if (!json.IsSuccess) return json.Error with { AsScim = true };
        var body = new UserBody();
        foreach (var member in json.Value.EnumerateObject())
        {
            var name = member.Name.ToLowerInvariant();
            if (!UserDocument.Members.Contains(name)) return Invalid($"Unrecognized field {OAuthError.Printable(member.Name)}");
            if (!body._members.TryAdd(name, member.Value)) return Invalid($"The field {OAuthError.Printable(member.Name)} occurs more than once");
        }
        body.ReadCleared();
        return body._fault is { } fault ? Invalid(fault) : body;
    }

    public static OAuthError Invalid(string message, string error = "invalid_scim_resource") => new(400, error, message) { AsScim = true };

    /// <summary>The user as the body wants it.</summary>
    /// <param name="stored">As it is.</param>
    /// <param name="merge">PATCH: what is left out stays; otherwise it is taken away, but for what decides about signing in.</param>
    public Result<UserEntry, OAuthError> Over(UserEntry stored, bool merge)
    {
        var user = stored.User;
        string? Keep(string member, string? old) => Has(member) ? Text(member) : merge && !_cleared.Contains(member) ? old : null;
        var (given, family) = Has("name") ? (Inner("givenname"), Inner("familyname"))
            : merge && !_cleared.Contains("name") ? (user.GivenName, user.FamilyName) : (null, null);
        if (merge && Has("name")) (given, family) = (given ?? user.GivenName, family ?? user.FamilyName);
        var attributes = user.Attributes;
        var entry = stored with
        {
            User = user with
            {
                UserName = Text("username") ?? (merge ? user.UserName : ""),
                Email = Has("emails") ? Single("emails", "Exactly one email must be provided.") ?? "" : merge ? user.Email : "",
                GivenName = given,
                FamilyName = family,
                PhoneNumber = Has("phonenumbers") ? Single("phonenumbers", "At most one phone number can be stored.")
                    : merge && !_cleared.Contains("phonenumbers") ? user.PhoneNumber : null,
                // UAA takes these two as true when they are left out, and so lets deactivated users in again.
                Active = Flag("active") ?? user.Active,
                Verified = Flag("verified") ?? user.Verified,
                Origin = Text("origin") ?? user.Origin,
                Attributes = new UserAttributes
                {
                    DisplayName = Keep("displayname", attributes.DisplayName),
                    NickName = Keep("nickname", attributes.NickName),
                    Title = Keep("title", attributes.Title),
                    Locale = Keep("locale", attributes.Locale),
                    Timezone = Keep("timezone", attributes.Timezone),
                    UserType = Keep("usertype", attributes.UserType),
                    ProfileUrl = Keep("profileurl", attributes.ProfileUrl),
                    PreferredLanguage = Keep("preferredlanguage", attributes.PreferredLanguage),
                    Address = Has("addresses") ? SingleAddress() : merge && !_cleared.Contains("addresses") ? attributes.Address : null,
                },
            },
            ExternalId = Keep("externalid", stored.ExternalId),
        };
        return (_fault ?? Fault(entry.User)) is { } fault ? Invalid(fault) : entry;
    }

    private static string? Fault(User user)
    {
        if (user.UserName.Length == 0) return "A username must be provided.";
        if (user.UserName.Length > LongestText) return $"Username must be no more than {LongestText} characters in length.";
        if (!user.UserName.All(c => user.Origin == "uaa" ? RegistrationRequest.IsSafe(c) : c is > ' ' and not ('\\' or '/' or '"') && !char.IsControl(c)))
            return "Username must consist of letters, digits and the characters + - _ . @ ' !";
        if (Reserved.Contains(user.UserName, StringComparer.OrdinalIgnoreCase)) return "This username is reserved.";
        // Never made up (V-018): a made-up address belongs to somebody.
        if (user.Email.Length == 0) return "An email must be provided.";
        if (user.Email.Length > LongestText || !Address().IsMatch(user.Email)) return "The email is not an address.";
        return Origin().IsMatch(user.Origin) ? null : "The origin must be 1 to 36 letters, digits, dots, hyphens and underscores.";
    }

    // "meta":{"attributes":["phoneNumbers","name"]}: what a PATCH takes away.
    private void ReadCleared()
    {
        if (!Has("meta") || _members["meta"].ValueKind != JsonValueKind.Object) return;
        var list = _members["meta"].EnumerateObject().FirstOrDefault(member => member.Name.Equals("attributes", StringComparison.OrdinalIgnoreCase)).Value;
        if (list.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null) return;
        if (list.ValueKind != JsonValueKind.Array || list.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String)) _fault = "meta.attributes must be a list of names";
        else foreach (var item in list.EnumerateArray()) _cleared.Add(item.GetString()!.ToLowerInvariant());
    }

    private string? Text(string member)
    {
        if (!Has(member)) return null;
        if (_members[member].ValueKind != JsonValueKind.String) _fault ??= $"{member} must be a text";
        else if (_members[member].GetString() is { Length: > 0 } text)
        {
            if (text.Length > LongestText && member != "password") _fault ??= $"{member} must be no more than {LongestText} characters in length.";
            return text;
        }
        return null;
    }

    private bool? Flag(string member)
    {
        if (!Has(member)) return null;
        if (_members[member].ValueKind is JsonValueKind.True or JsonValueKind.False) return _members[member].GetBoolean();
        _fault ??= $"{member} must be true or false";
        return null;
    }

    private string? Inner(string part)
    {
        if (_members["name"].ValueKind != JsonValueKind.Object)
        {
            _fault ??= "name must be an object";
            return null;
        }
        var value = _members["name"].EnumerateObject().FirstOrDefault(member => member.Name.Equals(part, StringComparison.OrdinalIgnoreCase)).Value;
        if (value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null) return null;
        if (value.ValueKind != JsonValueKind.String || value.GetString()!.Length > LongestText) _fault ??= $"name.{part} must be a text of no more than {LongestText} characters";
        return value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;
    }

    private string? Single(string member, string several)
    {
        var list = _members[member];
        if (list.ValueKind != JsonValueKind.Array)
        {
            _fault ??= $"{member} must be a list";
            return null;
        }
        if (list.GetArrayLength() > 1) _fault ??= several;
        if (list.GetArrayLength() != 1) return null;
        var value = list[0].ValueKind == JsonValueKind.Object
            ? list[0].EnumerateObject().FirstOrDefault(inner => inner.Name.Equals("value", StringComparison.OrdinalIgnoreCase)).Value : default;
        if (value.ValueKind == JsonValueKind.String && value.GetString()!.Length <= LongestText) return value.GetString() is { Length: > 0 } text ? text : null;
        _fault ??= $"{member} must hold objects with a value";
        return null;
    }

    private UserAddress? SingleAddress()
    {
        var list = _members["addresses"];
        if (list.ValueKind != JsonValueKind.Array || list.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.Object)) _fault ??= "addresses must be a list of objects";
        else if (list.GetArrayLength() > 1) _fault ??= "At most one address can be stored.";
        else if (list.GetArrayLength() == 1)
        {
            var parts = list[0].EnumerateObject().ToLookup(part => part.Name.ToLowerInvariant(), part => part.Value, StringComparer.Ordinal);
            string? Part(string name)
            {
                if (parts[name].Count() > 1) _fault ??= $"addresses.{name} occurs more than once";
                var value = parts[name].FirstOrDefault();
                if (value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null) return null;
                if (value.ValueKind != JsonValueKind.String || value.GetString()!.Length > LongestText) _fault ??= $"addresses.{name} must be a text of no more than {LongestText} characters";
                return value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;
            }
            var address = new UserAddress
            {
                Formatted = Part("formatted"),
                StreetAddress = Part("streetaddress"),
                Locality = Part("locality"),
                Region = Part("region"),
                PostalCode = Part("postalcode"),
                Country = Part("country"),
            };
            return address == new UserAddress() ? null : address;
        }
        return null;
    }

    [GeneratedRegex(@"\A[^\s@<>""(),:;\[\]\\\p{C}]{1,64}@[^\s@<>""(),:;\[\]\\\p{C}]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex Address();

    [GeneratedRegex(@"\A[A-Za-z0-9._-]{1,36}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Origin();
}
