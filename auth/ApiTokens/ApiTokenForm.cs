using System.Buffers;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.ApiTokens;

/// <summary>API tokens, wherever access tokens are taken.</summary>
internal sealed class ApiTokenForm(IApiTokens store, ScopePolicy scopes, IOptions<MeshOptions> mesh) : ITokenForm
{
    public const string GrantType = "api_token";

    public bool Has(string token) => token.StartsWith(ApiTokenText.Prefix, StringComparison.Ordinal);

    public async Task<Result<KnownToken, string>> ReadAsync(string token, CancellationToken cancellationToken)
    {
        if (!ApiTokenText.IsWellFormed(token)) return "not an API token";
        if (await store.FindAsync(ApiTokenText.Hash(token), cancellationToken) is not { } stored) return "unknown token";
        if (stored.RevokedAt is not null) return "revoked";
        var marks = new TokenMarks(stored.ZoneId, stored.Id, null, null, stored.UserId, stored.ClientId, null, stored.IssuedAt.ToUnixTimeSeconds());
        return new KnownApiToken(stored, marks, scopes, mesh.Value.Issuer);
    }
}

/// <summary>An API token: its scopes are those it was made with that its owner still has.</summary>
internal sealed record KnownApiToken(ApiToken Token, TokenMarks Marks, ScopePolicy Scopes, string Issuer) : KnownToken(Marks, Token.ExpiresAt)
{
    public override async ValueTask<Result<VerifiedToken, string>> RenewAsync(Client client, User? user, CancellationToken cancellationToken)
    {
        var held = user is null
            ? [.. Token.Scopes.Where(scope => client.Authorities.Contains(scope, StringComparer.Ordinal))]
            : await Scopes.StillHeldAsync(client, user, Token.Scopes, cancellationToken);
        return held.Count == 0 ? "no scope is left" : new VerifiedToken(client, user, Claims(client, user, held)) { Marks = Marks, ExpiresAt = ExpiresAt, IsApiToken = true };
    }

    // The claims that an access token for the same owner would have (uaa.md §7.2).
    private JsonElement Claims(Client client, User? user, IReadOnlyList<string> scopes)
    {
        var body = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("jti", Token.Id);
            json.WriteString("sub", user?.Id ?? client.Id);
            List(json, "scope", scopes);
            foreach (var name in new[] { "client_id", "cid", "azp" }) json.WriteString(name, client.Id);
            json.WriteString("grant_type", ApiTokenForm.GrantType);
            if (user is not null)
            {
                json.WriteString("user_id", user.Id);
                json.WriteString("user_name", user.UserName);
                if (user.Email.Length > 0) json.WriteString("email", user.Email);
                json.WriteString("origin", user.Origin);
            }
            json.WriteNumber("iat", Token.IssuedAt.ToUnixTimeSeconds());
            json.WriteNumber("exp", Token.ExpiresAt.ToUnixTimeSeconds());
            json.WriteString("iss", Issuer);
            json.WriteString("zid", Token.ZoneId);
            json.WriteString("token_use", "access");
            json.WriteBoolean("revocable", true);
            List(json, "aud", AccessTokens.Audience(client.Id, scopes));
            json.WriteEndObject();
        }
        return JsonDocument.Parse(body.WrittenMemory.ToArray()).RootElement;
    }

    private static void List(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
