using System.Buffers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Metadata;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Inspection;

/// <summary>
/// <c>/uaa/userinfo</c> (OpenID Connect Core §5.3), in UAA's form: name and e-mail belong to <c>openid</c>. To clients of the
/// standard it tells what the token's scopes allow. A form post may hold the token in its body (RFC 6750 §2.2). Who is
/// registered for it gets the answer signed (§5.3.2).
/// </summary>
internal sealed class UserInfoEndpoint(BearerAuthentication bearer, IUsers users, TokenSigner signer, IOptions<MeshOptions> mesh) : IMetadata
{
    void IMetadata.Write(Utf8JsonWriter json, string address) => json.WriteList("userinfo_signing_alg_values_supported", KeyRing.Algorithms);

    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        string? inBody = null;
        if (HttpMethods.IsPost(http.Request.Method) && FormBody.IsForm(http.Request.ContentType))
        {
            var form = await FormBody.ReadAsync(http.Request, cancellationToken);
            if (!form.IsSuccess) return form.Error;
            inBody = form.Value["access_token"];
        }
        // Strict: uaa.admin does not stand for openid here, and the audience must name it too.
        var token = await bearer.AuthenticateAsync(http, scope: "openid", resource: "openid", inBody, cancellationToken);
        if (!token.IsSuccess) return token.Error;
        if (token.Value.User is not { } known) return OAuthError.AccessDenied("This needs the token of a user");
        // What the check of the token remembers of the user is enough to judge it, but may be a sign-in old.
        var user = await users.FindAsync(known.ZoneId, known.Id, cancellationToken) ?? known;
        var (client, scopes) = (token.Value.Client, token.Value.Scopes);
        return client.Metadata.UserInfoSignedResponseAlg is { } algorithm
            ? new SignedAnswer(Sign(client, algorithm, json => Write(json, client, user, scopes)))
            : new Answer(json => Write(json, client, user, scopes));
    }

    // A kind of its own, which passes for no other token of ours.
    private string Sign(Client client, string algorithm, Action<Utf8JsonWriter> write)
    {
        var claims = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(claims))
        {
            json.WriteStartObject();
            json.WriteString("iss", mesh.Value.Issuer);
            json.WriteString("aud", client.Id);
            write(json);
            json.WriteEndObject();
        }
        return signer.Sign("userinfo+jwt", algorithm, claims.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, Client client, User user, IReadOnlyList<string> scopes)
    {
        if (client.Wire == "rfc")
        {
            json.WriteString("sub", user.Id);
            IdTokens.WriteGranted(json, user, scopes);
            return;
        }
        Write(json, user);
        IdTokens.WriteAddress(json, user, scopes);
    }

    private static void Write(Utf8JsonWriter json, User user)
    {
        json.WriteString("user_id", user.Id);
        json.WriteString("sub", user.Id);
        json.WriteString("user_name", user.UserName);
        // Without an address there is none: a made-up one would belong to somebody (V-018).
        if (user.Email.Length > 0)
        {
            json.WriteString("email", user.Email);
            json.WriteBoolean("email_verified", user.Verified);
        }
        var name = string.Join(' ', new[] { user.GivenName, user.FamilyName }.Where(part => !string.IsNullOrEmpty(part)));
        if (name.Length > 0) json.WriteString("name", name);
        if (user.GivenName is not null) json.WriteString("given_name", user.GivenName);
        if (user.FamilyName is not null) json.WriteString("family_name", user.FamilyName);
        if (user.PhoneNumber is not null)
        {
            json.WriteString("phone_number", user.PhoneNumber);
            json.WriteBoolean("phone_number_verified", false); // Nobody is asked to prove one.
        }
        if (user.PreviousLogonAt is { } previous) json.WriteNumber("previous_logon_time", previous.ToUnixTimeMilliseconds());
        else json.WriteNull("previous_logon_time");
    }
}

/// <summary>A JWT as the whole answer.</summary>
internal sealed class SignedAnswer(string jwt) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        Answer.Hide(httpContext.Response);
        httpContext.Response.ContentType = "application/jwt";
        return httpContext.Response.WriteAsync(jwt, Encoding.ASCII, httpContext.RequestAborted);
    }
}
