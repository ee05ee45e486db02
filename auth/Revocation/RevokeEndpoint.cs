using SecureMesh.Auth.ApiTokens;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Revocation;

/// <summary><c>POST /uaa/oauth/revoke</c> (RFC 7009): a client ends a token of its own; whoever shows an API token ends it.</summary>
internal sealed class RevokeEndpoint(ClientAuthenticator clients, KnownClients known, TokenRevoker revoker)
{
    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var form = await FormBody.ReadAsync(http.Request, cancellationToken);
        if (!form.IsSuccess) return form.Error;
        var token = form.Value["token"];
        string? clientId = null;
        // An API token is not its client's: to have it is to be its owner, or to have found it.
        if (token is null || !ApiTokenText.IsWellFormed(token))
        {
            var client = await ClientAsync(http.Request, form.Value, cancellationToken);
            if (!client.IsSuccess) return client.Error;
            clientId = client.Value.Id;
        }
        if (token is null) return OAuthError.InvalidRequest("Missing parameter: token");
        if (await revoker.RevokeAsync(token, clientId, "revoked by its holder", http.Connection.RemoteIpAddress, limited: true, cancellationToken) is { } refusal) return refusal;
        // The same for a token that is unknown, expired or another client's (§2.2, R-01, R-02).
        return EmptyAnswer.Instance;
    }

    private async Task<Result<Client, OAuthError>> ClientAsync(HttpRequest request, Parameters form, CancellationToken cancellationToken)
    {
        // A public client has nothing to authenticate with and says its name (§2.1).
        if (request.Headers.Authorization.Count == 0 && form.Raw("client_secret") is null && form["client_assertion"] is null && form["client_id"] is { } name
            && await known.FindAsync(Zone.Default, name, cancellationToken) is { Enabled: true, AllowPublic: true } named) return named;
        var client = await clients.AuthenticateAsync(request, form, cancellationToken);
        return client.IsSuccess ? client.Value.Client : client.Error;
    }
}

/// <summary>200 without a body, as revocation is answered.</summary>
internal sealed class EmptyAnswer : IResult
{
    public static readonly EmptyAnswer Instance = new();

    public Task ExecuteAsync(HttpContext httpContext)
    {
        Answer.Hide(httpContext.Response);
        httpContext.Response.ContentLength = 0;
        return Task.CompletedTask;
    }
}
