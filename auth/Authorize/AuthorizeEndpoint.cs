using SecureMesh.Auth.Login;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;

namespace SecureMesh.Auth.Authorize;

/// <summary><c>/uaa/oauth/authorize</c> (RFC 6749 §3.1): a client asks, by way of the browser, for a person's agreement.</summary>
internal sealed class AuthorizeEndpoint(
    AuthorizationRequests requests, AuthorizationTransactions transactions, IPushedRequests pushed, AuthorizationFlow flow, DirectAuthorization direct, TimeProvider time)
{
    // A password or code in a query stands in histories and logs.
    private static readonly string[] NeverInQuery = ["password", "passcode", "credentials", "username", "client_secret", "client_assertion"];

    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        // 1. Read the parameters once, from query and form.
        if (NeverInQuery.FirstOrDefault(http.Request.Query.ContainsKey) is { } misplaced)
            return new OAuthError(406, "query_string_not_allowed", $"The parameter {misplaced} must be sent in the body of the request");
        var parameters = await FormBody.ReadWithQueryAsync(http.Request, cancellationToken);
        if (!parameters.IsSuccess) return new ErrorPage(parameters.Error);

        // 2. A pushed request stands for all that is beside it (RFC 9126 §4).
        string? pushedHash = null;
        var asked = parameters.Value;
        if (PushedRequestEndpoint.Reference(asked["request_uri"]) is { } reference)
        {
            pushedHash = BrowserCookie.Hash(reference);
            var found = await pushed.FindAsync(pushedHash, time.GetUtcNow(), cancellationToken);
            if (found is null || found.ClientId != asked["client_id"]) return new ErrorPage(new OAuthError(400, "invalid_request_uri", "The request_uri is unknown, used, expired or of another client"));
            asked = found.Parameters;
        }

        // 3. Judge it: client, redirect URI, everything else.
        var request = await requests.ReadAsync(asked, pushedHash, cancellationToken);
        if (!request.IsSuccess) return request.Error;

        // 4. Programs that bring the person's password or token along (uaa.md §2.2).
        if (parameters.Value["source"] == "credentials" && HttpMethods.IsPost(http.Request.Method)) return await direct.ByPasswordAsync(http, request.Value, parameters.Value, cancellationToken);
        if (http.Request.Headers.Authorization.Count > 0) return await direct.ByTokenAsync(http, request.Value, cancellationToken);

        // 5. A form may come from another site, and then the browser keeps our cookies back: it comes again without the form.
        if (HttpMethods.IsPost(http.Request.Method))
        {
            var begun = await transactions.BeginAsync(http, request.Value, claimed: false, cancellationToken);
            return begun.IsSuccess ? new ToPage("/uaa/oauth/authorize/resume", begun.Value) : new ErrorPage(begun.Error);
        }
        return await flow.ContinueAsync(http, request.Value, null, cancellationToken);
    }

    /// <summary><c>/uaa/oauth/authorize/resume</c>: the pages have done what was asked of them; all is decided anew.</summary>
    public async Task<IResult> ResumeAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var id = http.Request.Query["transaction"] is [var one] ? one : null;
        if (await transactions.OpenAsync(http, id, cancellationToken) is not { } stored)
            return new ErrorPage(new OAuthError(400, "transaction_ended", "This sign-in was completed, took too long or was begun in another browser"));
        var request = await requests.ReadAsync(stored.Parameters, stored.PushedHash, cancellationToken);
        if (!request.IsSuccess) return request.Error;
        return await flow.ContinueAsync(http, request.Value, new OpenTransaction(id!, stored), cancellationToken);
    }
}

/// <summary>A transaction and the name under which the browser knows it.</summary>
internal sealed record OpenTransaction(string Id, StoredTransaction Stored);

/// <summary>On to a page of this service.</summary>
internal sealed class ToPage(string path, string transaction) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        Answer.Hide(httpContext.Response);
        httpContext.Response.Headers["Referrer-Policy"] = "no-referrer";
        httpContext.Response.StatusCode = HttpMethods.IsPost(httpContext.Request.Method) ? 303 : 302;
        httpContext.Response.Headers.Location = $"{path}?transaction={transaction}";
        return Task.CompletedTask;
    }
}
