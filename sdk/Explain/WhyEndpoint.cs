using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>
/// GET <c>/actuator/why/{id}</c> for callers with scope <c>uaa.admin</c>: why this service refused. It stands before the service's
/// own endpoints, so that it answers whatever those do.
/// </summary>
internal sealed class WhyEndpoint(Explanations kept, IErrorDialect dialect, IOptions<MeshOptions> mesh)
{
    private const string Prefix = "/actuator/why/";
    private static readonly Problem _unknown = new(404, "not_found", "Nothing is known of this id");

    public bool Serves => mesh.Value.Explain.Serve;

    public Task InvokeAsync(HttpContext http, RequestDelegate next) =>
        http.Request.Path.Value is { } path && path.StartsWith(Prefix, StringComparison.Ordinal) ? AnswerAsync(http, path[Prefix.Length..]) : next(http);

    private async Task AnswerAsync(HttpContext http, string id)
    {
        var caller = await http.AuthenticateAsync(CallerMode.Scheme);
        if (!caller.Succeeded) await http.ChallengeAsync(CallerMode.Scheme);
        else if (!caller.Principal.HasScope("uaa.admin")) await dialect.WriteAsync(http, Refusals.InsufficientScope(["uaa.admin"]));
        else if (!HttpMethods.IsGet(http.Request.Method)) await dialect.WriteAsync(http, StatusProblems.For(StatusCodes.Status405MethodNotAllowed));
        else if (!Explanations.IsId(id) || kept.Find(id) is not { Count: > 0 } entries) await dialect.WriteAsync(http, _unknown);
        else
        {
            http.Response.Headers.CacheControl = "no-store";
            await http.Response.WriteWholeJsonAsync(new ExplainedRequest(id, entries), ExplanationJson.Default.ExplainedRequest);
        }
    }
}
