using System.Text.Json;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Keys;

/// <summary>The public keys (RFC 7517), with UAA's <c>value</c> beside the standard members.</summary>
internal sealed class KeysEndpoint(KeyRing keys)
{
    /// <summary><c>/uaa/token_keys</c>: every key whose signatures count.</summary>
    public Task<IResult> AllAsync(HttpContext http, CancellationToken cancellationToken)
    {
        return Task.FromResult<IResult>(new Answer(json =>
        {
            json.WriteStartArray("keys");
            foreach (var key in keys.Published)
            {
                json.WriteStartObject();
                Write(json, key.Public);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }, published: true));
    }

    /// <summary><c>/uaa/token_key</c>: the key that signs now.</summary>
    public Task<IResult> ActiveAsync(HttpContext http, CancellationToken cancellationToken)
    {
        return Task.FromResult<IResult>(new Answer(json => Write(json, keys.Active.Public), published: true));
    }

    private static void Write(Utf8JsonWriter json, PublicKey key)
    {
        json.WriteString("kty", "EC");
        json.WriteString("crv", "P-256");
        json.WriteString("x", key.X);
        json.WriteString("y", key.Y);
        json.WriteString("kid", key.Kid);
        json.WriteString("alg", "ES256");
        json.WriteString("use", "sig");
        json.WriteString("value", key.Pem);
    }
}
