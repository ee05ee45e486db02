using System.Text.Json;
using System.Text.Json.Serialization;

namespace SecureMesh.Auth.Users;

/// <summary>What is told about a user and decides nothing: SCIM's texts, and the address (OpenID Connect Core §5.1.1).</summary>
internal sealed record UserAttributes
{
    [JsonPropertyName("displayName")] public string? DisplayName { get; init; }
    [JsonPropertyName("nickName")] public string? NickName { get; init; }
    [JsonPropertyName("title")] public string? Title { get; init; }
    [JsonPropertyName("locale")] public string? Locale { get; init; }
    [JsonPropertyName("timezone")] public string? Timezone { get; init; }
    [JsonPropertyName("userType")] public string? UserType { get; init; }
    [JsonPropertyName("profileUrl")] public string? ProfileUrl { get; init; }
    [JsonPropertyName("preferredLanguage")] public string? PreferredLanguage { get; init; }

    [JsonPropertyName("address")] public UserAddress? Address { get; init; }

    public static UserAttributes Parse(string json) => JsonSerializer.Deserialize(json, UserAttributesJson.Default.UserAttributes) ?? new();

    public string ToJson() => JsonSerializer.Serialize(this, UserAttributesJson.Default.UserAttributes);
}

/// <summary>A postal address in the words of SCIM (RFC 7643 §4.1.2).</summary>
internal sealed record UserAddress
{
    [JsonPropertyName("formatted")] public string? Formatted { get; init; }
    [JsonPropertyName("streetAddress")] public string? StreetAddress { get; init; }
    [JsonPropertyName("locality")] public string? Locality { get; init; }
    [JsonPropertyName("region")] public string? Region { get; init; }
    [JsonPropertyName("postalCode")] public string? PostalCode { get; init; }
    [JsonPropertyName("country")] public string? Country { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, UserAttributesJson.Default.UserAddress);
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(UserAttributes))]
internal sealed partial class UserAttributesJson : JsonSerializerContext;
