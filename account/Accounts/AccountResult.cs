using SecureMesh.Sdk;

namespace SecureMesh.Account.Accounts;

/// <summary>An account as the answer; personal data, so no cache keeps it.</summary>
internal sealed record AccountResult(Account Account) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.Headers.CacheControl = "no-store";
        httpContext.Response.Headers.XContentTypeOptions = "nosniff";
        return httpContext.Response.WriteWholeJsonAsync(Account, AccountJson.Wire.Account, "application/json; charset=utf-8");
    }
}
