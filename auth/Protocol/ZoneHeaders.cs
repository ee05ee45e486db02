namespace SecureMesh.Auth.Protocol;

/// <summary>
/// The headers by which UAA's clients ask for another zone. There is one zone: a request meant for another must not be carried
/// out in this one. Empty headers count as left out, as uaa-cli sends them.
/// </summary>
internal static class ZoneHeaders
{
    /// <summary>The refusal of a request for another zone, as UAA has it: a bare 404; null when the request is for this zone.</summary>
    public static IResult? Refusal(HttpRequest request)
    {
        string id = request.Headers["X-Identity-Zone-Id"].ToString(), subdomain = request.Headers["X-Identity-Zone-Subdomain"].ToString();
        return (id.Length == 0 || id == Zone.Default) && subdomain.Length == 0 ? null : Bare.NotFound;
    }
}

/// <summary>A status without a body: what UAA answers for clients and zones that do not exist.</summary>
internal sealed class Bare : IResult
{
    public static readonly Bare NotFound = new();

    private Bare() { }

    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = StatusCodes.Status404NotFound;
        httpContext.Response.ContentLength = 0; // said, so that nobody adds a body
        Answer.Hide(httpContext.Response);
        return Task.CompletedTask;
    }
}
