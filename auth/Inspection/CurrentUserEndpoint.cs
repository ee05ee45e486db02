using System.Text.Json;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Inspection;

/// <summary>
/// <c>GET /uaa/users/current</c>: the document by which older services of the mesh learn who calls. Its fields are kept, but
/// not what leaked through them: no password hash, no token.
/// </summary>
internal sealed class CurrentUserEndpoint(BearerAuthentication bearer)
{
    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var token = await bearer.AuthenticateAsync(http, cancellationToken: cancellationToken);
        return token.IsSuccess ? new Answer(json => Write(json, token.Value, http)) : token.Error;
    }

    private static void Write(Utf8JsonWriter json, VerifiedToken token, HttpContext http)
    {
        var name = token.User?.UserName ?? token.Client.Id;
        json.WriteString("name", name);
        json.WriteString("sub", token.Subject);
        if (token.User is not null) json.WriteString("user_name", token.User.UserName);
        List(json, "scope", token.Scopes);
        json.WriteBoolean("authenticated", true);
        List(json, "authorities", []);
        json.WriteBoolean("clientOnly", token.User is null);
        json.WriteString("credentials", "");
        Principal(json, token);
        if (token.User is null) json.WriteNull("userAuthentication");
        else UserAuthentication(json, token, name);
        Request(json, token);
        json.WriteStartObject("details");
        json.WriteString("remoteAddress", http.Connection.RemoteIpAddress?.ToString());
        json.WriteNull("sessionId");
        json.WriteString("tokenType", "bearer");
        json.WriteNull("decodedDetails");
        json.WriteEndObject();
    }

    private static void Principal(Utf8JsonWriter json, VerifiedToken token)
    {
        if (token.User is not { } user)
        {
            json.WriteString("principal", token.Client.Id);
            return;
        }
        json.WriteStartObject("principal");
        json.WriteString("username", user.UserName);
        json.WriteNull("authorities");
        json.WriteBoolean("enabled", user.Active);
        json.WriteBoolean("accountNonExpired", true);
        json.WriteBoolean("accountNonLocked", true);
        json.WriteBoolean("credentialsNonExpired", true);
        json.WriteEndObject();
    }

    private static void UserAuthentication(Utf8JsonWriter json, VerifiedToken token, string name)
    {
        json.WriteStartObject("userAuthentication");
        json.WriteString("name", name);
        json.WriteBoolean("authenticated", true);
        List(json, "authorities", []);
        Principal(json, token);
        json.WriteStartObject("details");
        json.WriteString("grant_type", token.GrantType);
        json.WriteString("scope", Words.Join(token.Scopes));
        json.WriteString("username", name);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Request(Utf8JsonWriter json, VerifiedToken token)
    {
        json.WriteStartObject("oauth2Request");
        json.WriteString("clientId", token.Client.Id);
        List(json, "scope", token.Scopes);
        json.WriteString("grantType", token.GrantType);
        json.WriteStartObject("requestParameters");
        json.WriteString("grant_type", token.GrantType);
        json.WriteString("scope", Words.Join(token.Scopes));
        json.WriteEndObject();
        List(json, "resourceIds", []);
        List(json, "authorities", []);
        json.WriteBoolean("approved", true);
        json.WriteBoolean("refresh", false);
        json.WriteNull("redirectUri");
        List(json, "responseTypes", []);
        json.WriteStartObject("extensions");
        json.WriteEndObject();
        json.WriteNull("refreshTokenRequest");
        json.WriteEndObject();
    }

    private static void List(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
