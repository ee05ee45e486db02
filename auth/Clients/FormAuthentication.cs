using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Clients;

/// <summary><c>client_secret_post</c>: <c>client_id</c> and <c>client_secret</c> in the body (RFC 6749 §2.3.1).</summary>
internal sealed class FormAuthentication : ISecretAuthentication
{
    public string Method => "client_secret_post";

    public Result<IReadOnlyList<ClientCredential>, OAuthError>? Read(HttpRequest request, Parameters form)
    {
        if (form.Raw("client_secret") is not { } secret) return null;
        // Beside another way an empty parameter counts as left out; alone it is UAA's empty secret.
        if (secret.Length == 0 && (request.Headers.Authorization.Count > 0 || form.Has("client_assertion"))) return null;
        if (form["client_id"] is not { } id) return OAuthError.InvalidRequest("Missing parameter: client_id");
        return new ClientCredential[] { new(id, secret) };
    }
}
