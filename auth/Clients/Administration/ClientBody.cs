using System.Text.Json;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Clients.Administration;

/// <summary>Reads a registration over what is registered already: one way for new clients and for changed ones (V-071).</summary>
internal static class ClientBody
{
    // What the metadata must not repeat: columns, what is computed, and what is a secret.
    private static readonly HashSet<string> _own = new(StringComparer.Ordinal)
    {
        "client_id", "client_secret", "secondary_client_secret", "generate_secret", "authorized_grant_types", "scope", "authorities", "redirect_uri",
        "autoapprove", "access_token_validity", "refresh_token_validity", "allowpublic", "name", "token_salt", "wire", "enabled",
        "resource_ids", "lastModified", "approvals_deleted", "action", "created_by",
    };

    public static OAuthError Invalid(string description) => new(400, "invalid_client", OAuthError.Printable(description.Replace('"', '\'')));

    /// <summary>The client as the body wants it. Lists left out or empty, and other members left out, keep what <paramref name="stored"/> has.</summary>
    public static Result<Client, OAuthError> Read(JsonElement body, Client stored)
    {
        var fields = new ClientFields(body);
        var metadata = Metadata(body, stored.Metadata);
        if (!metadata.IsSuccess) return metadata.Error;
        var grants = fields.List("authorized_grant_types", ',', ' ') ?? stored.GrantTypes;
        // As UAA: who signs users in may renew.
        if (grants.Any(grant => grant is "authorization_code" or "password") && !grants.Contains("refresh_token", StringComparer.Ordinal))
            grants = [.. grants, "refresh_token"];
        var client = stored with
        {
            Name = fields.Text("name") ?? stored.Name,
            GrantTypes = grants,
            Scopes = fields.List("scope", ',', ' ') ?? stored.Scopes,
            Authorities = fields.List("authorities", ',', ' ') ?? stored.Authorities,
            RedirectUris = fields.List("redirect_uri", ',') ?? stored.RedirectUris,
            AutoApprove = fields.AutoApprove() ?? stored.AutoApprove,
            AccessTokenValidity = fields.Has("access_token_validity") ? fields.Seconds("access_token_validity") : stored.AccessTokenValidity,
            RefreshTokenValidity = fields.Has("refresh_token_validity") ? fields.Seconds("refresh_token_validity") : stored.RefreshTokenValidity,
            AllowPublic = fields.Flag("allowpublic") ?? stored.AllowPublic,
            TokenSalt = fields.Text("token_salt") ?? stored.TokenSalt,
            Wire = fields.Text("wire") ?? stored.Wire,
            Enabled = fields.Flag("enabled") ?? stored.Enabled,
            Metadata = metadata.Value,
        };
        return fields.Fault is { } fault ? Invalid(fault) : client;
    }

    // Merged by name; null removes.
    private static Result<ClientMetadata, OAuthError> Metadata(JsonElement body, ClientMetadata stored)
    {
        using var known = JsonDocument.Parse(stored.ToJson());
        var merged = known.RootElement.EnumerateObject().ToDictionary(member => member.Name, member => member.Value, StringComparer.Ordinal);
        foreach (var member in body.EnumerateObject().Where(member => !_own.Contains(member.Name)))
            if (member.Value.ValueKind == JsonValueKind.Null) merged.Remove(member.Name);
            else merged[member.Name] = member.Value;
        try
        {
            return ClientMetadata.Parse(JsonSerializer.Serialize(merged));
        }
        catch (JsonException e)
        {
            return Invalid($"{e.Path?.TrimStart('$', '.') ?? "a member"} has a value of the wrong type");
        }
    }
}
