using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Token.Grants;

/// <summary>A client in its own name (RFC 6749 §4.4); never a refresh token.</summary>
internal sealed class ClientCredentialsGrant : IGrant
{
    private static readonly SignInDetails Plain = new();

    public string GrantType => "client_credentials";

    public Task<Result<Authorization, OAuthError>> AuthorizeAsync(TokenRequest request, AuthenticatedClient client, CancellationToken cancellationToken) =>
        Task.FromResult(Authorize(request, client));

    private Result<Authorization, OAuthError> Authorize(TokenRequest request, AuthenticatedClient client)
    {
        var scopes = ScopePolicy.ForClient(client.Client, request.Scopes);
        if (!scopes.IsSuccess) return scopes.Error;
        var attributes = AuthorizationAttributes.Read(request.Form);
        if (!attributes.IsSuccess) return attributes.Error;
        return new Authorization
        {
            Client = client,
            Scopes = scopes.Value,
            Resources = request.Resources,
            GrantType = GrantType,
            Details = attributes.Value.Value is null ? Plain : new SignInDetails { AzAttr = attributes.Value.Value },
        };
    }
}
