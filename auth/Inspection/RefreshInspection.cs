using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Inspection;

/// <summary>Introspection of refresh tokens: to the client that holds them and to nobody else.</summary>
internal sealed class RefreshInspection(RefreshFamilies families, KnownUsers users, IssuancePolicy policy, IOptions<MeshOptions> mesh, TimeProvider time)
{
    /// <summary>What the token stands for; null when it is no live refresh token of the caller.</summary>
    public async Task<Answer?> FindAsync(string token, Client caller, CancellationToken cancellationToken)
    {
        if (await families.FindAsync(token, cancellationToken) is not var (family, stored) || family.ClientId != caller.Id || family.ZoneId != caller.ZoneId) return null;
        var now = time.GetUtcNow();
        if (family.Revoked || stored.ConsumedAt is not null || family.ExpiresAt <= now || stored.ExpiresAt <= now) return null;
        if (await users.FindAsync(family.ZoneId, family.UserId, cancellationToken) is not { } user) return null;
        if (await policy.CheckAsync(caller, user, cancellationToken) is not null || RevocationSignature.Of(caller, user) != family.RevSig) return null;
        return new Answer(json => Write(json, family, stored, user, caller.Wire == "rfc"));
    }

    private void Write(Utf8JsonWriter json, RefreshFamily family, RefreshToken stored, User user, bool standard)
    {
        json.WriteBoolean("active", true);
        json.WriteString("token_use", "refresh");
        json.WriteString("username", user.UserName);
        json.WriteString("sub", user.Id);
        json.WriteString("client_id", family.ClientId);
        if (standard) json.WriteString("scope", Words.Join(family.Scopes));
        else
        {
            json.WriteStartArray("scope");
            foreach (var scope in family.Scopes) json.WriteStringValue(scope);
            json.WriteEndArray();
        }
        json.WriteString("grant_type", family.GrantType);
        json.WriteString("jti", family.Id + "-r");
        json.WriteNumber("iat", stored.IssuedAt.ToUnixTimeSeconds());
        json.WriteNumber("exp", stored.ExpiresAt.ToUnixTimeSeconds());
        json.WriteString("iss", mesh.Value.Issuer);
    }
}
