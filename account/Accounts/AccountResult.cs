using System.Text.Json;

namespace SecureMesh.Account.Accounts;

/// <summary>An account as the answer; personal data, so no cache keeps it.</summary>
internal sealed record AccountResult(Account Account) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.Headers.CacheControl = "no-store";
        httpContext.Response.Headers.XContentTypeOptions = "nosniff";
        // With its length, so that it leaves in one piece: of an answer in chunks the end goes out by itself, and a process that is killed
        // just then leaves half an answer, which nobody can ask another instance for any more.
        var body = JsonSerializer.SerializeToUtf8Bytes(Account, AccountJson.Wire.Account);
        httpContext.Response.ContentType = "application/json; charset=utf-8";
        httpContext.Response.ContentLength = body.Length;
        return httpContext.Response.Body.WriteAsync(body, httpContext.RequestAborted).AsTask();
    }
}
