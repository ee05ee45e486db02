using System.Text.Json;
using SecureMesh.Auth.Scim.Filters;

namespace SecureMesh.Auth.Clients.Administration;

/// <summary>A client as the administration shows it (uaa.md §4.1): never a secret, nor the salt that stands in for one.</summary>
internal static class ClientDocument
{
    /// <summary>What a list can be filtered on and sorted by (uaa.md §4.3).</summary>
    public static ListingRules Rules { get; } = new(
        new[]
        {
            new FilterField("client_id", FilterKind.Text), new FilterField("name", FilterKind.Text), new FilterField("scope", FilterKind.Text),
            new FilterField("authorities", FilterKind.Text), new FilterField("authorized_grant_types", FilterKind.Text),
            new FilterField("redirect_uri", FilterKind.Text), new FilterField("autoapprove", FilterKind.Text),
            new FilterField("access_token_validity", FilterKind.Number), new FilterField("refresh_token_validity", FilterKind.Number),
            new FilterField("lastModified", FilterKind.Time),
        }.ToDictionary(field => field.Name, StringComparer.OrdinalIgnoreCase),
        new HashSet<string>(StringComparer.Ordinal)
        {
            "client_id", "name", "scope", "resource_ids", "authorized_grant_types", "redirect_uri", "autoapprove", "authorities", "access_token_validity",
            "refresh_token_validity", "allowpublic", "wire", "enabled", "lastmodified", "allowedproviders", "required_user_groups", "created_by", "createdwith",
            "show_on_home_page", "jwks", "jwks_uri", "token_endpoint_auth_method", "application_type", "require_pkce", "post_logout_redirect_uris",
            "backchannel_logout_uri", "dpop_bound_access_tokens", "token_format",
        },
        "client_id");

    public static void Write(Utf8JsonWriter json, RegisteredClient registered)
    {
        var client = registered.Client;
        json.WriteString("client_id", client.Id);
        json.WriteString("name", client.Name);
        List(json, "scope", client.Scopes);
        List(json, "resource_ids", ["none"]);
        List(json, "authorized_grant_types", client.GrantTypes);
        List(json, "redirect_uri", client.RedirectUris);
        List(json, "autoapprove", client.AutoApprove);
        List(json, "authorities", client.Authorities);
        if (client.AccessTokenValidity is { } access) json.WriteNumber("access_token_validity", (long)access.TotalSeconds);
        if (client.RefreshTokenValidity is { } refresh) json.WriteNumber("refresh_token_validity", (long)refresh.TotalSeconds);
        if (client.AllowPublic) json.WriteBoolean("allowpublic", true);
        if (!client.Enabled) json.WriteBoolean("enabled", false);
        json.WriteString("wire", client.Wire);
        using (var metadata = JsonDocument.Parse(client.Metadata.ToJson()))
            foreach (var member in metadata.RootElement.EnumerateObject()) member.WriteTo(json);
        json.WriteNumber("lastModified", registered.UpdatedAt.ToUnixTimeMilliseconds());
    }

    private static void List(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
