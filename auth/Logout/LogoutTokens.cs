using System.Buffers;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Keys;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Logout;

/// <summary>Logout tokens (OpenID Connect Back-Channel Logout §2.4): no nonce, a typ of their own, good for two minutes.</summary>
internal sealed class LogoutTokens(TokenSigner signer, IOptions<MeshOptions> mesh)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(120);

    public string Write(Client client, LogoutNotice notice, DateTimeOffset now)
    {
        var claims = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(claims))
        {
            json.WriteStartObject();
            json.WriteString("iss", mesh.Value.Issuer);
            json.WriteString("aud", client.Id);
            json.WriteNumber("iat", now.ToUnixTimeSeconds());
            json.WriteNumber("exp", (now + Lifetime).ToUnixTimeSeconds());
            json.WriteString("jti", Entropy.HexId());
            json.WriteString("sub", notice.UserId);
            json.WriteString("sid", notice.SessionId);
            json.WriteStartObject("events");
            json.WriteStartObject("http://schemas.openid.net/event/backchannel-logout");
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        }
        // The algorithm of the client's id tokens (§2.6).
        return signer.Sign("logout+jwt", client.Metadata.IdTokenSignedResponseAlg ?? "RS256", claims.WrittenSpan);
    }
}
