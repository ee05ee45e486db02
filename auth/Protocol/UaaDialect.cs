using SecureMesh.Sdk;

namespace SecureMesh.Auth.Protocol;

/// <summary>What the SDK refuses in this service's name, in UAA's shape: its clients read no other below <c>/uaa</c>.</summary>
internal sealed class UaaDialect : IErrorDialect
{
    public Task WriteAsync(HttpContext http, Problem problem)
    {
        if (!http.Request.Path.StartsWithSegments("/uaa", StringComparison.OrdinalIgnoreCase)) return problem.ExecuteAsync(http);
        var error = new OAuthError(problem.Status, problem.Error, OAuthError.Printable(problem.Detail))
        {
            Challenge = problem.Challenge,
            RetryAfter = problem.RetryAfter,
        };
        return error.ExecuteAsync(http);
    }
}
