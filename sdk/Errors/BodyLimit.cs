using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Refuses a body that says it is too large before anybody reads it, in a way that the caller gets to read.</summary>
/// <remarks>
/// Many clients send their whole body before they read the answer. The server closes at once when its own limit is passed,
/// and they would see a broken connection: so its limit is <see cref="ThrownAway"/>, up to which it reads on after the
/// refusal, for five seconds at most, and the smaller limit is kept here.
/// </remarks>
internal sealed class BodyLimit(IOptions<MeshOptions> options, IErrorDialect dialect)
{
    public const long ThrownAway = 64 * 1024 * 1024;

    public Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        var longest = options.Value.MaxBodyBytes;
        if (longest == long.MaxValue) return next(http); // somebody behind it has limits of his own
        if (http.Request.ContentLength > longest) return dialect.WriteAsync(http, StatusProblems.For(StatusCodes.Status413PayloadTooLarge));
        // A body in chunks does not say how long it is: there the server counts.
        if (http.Request.ContentLength is null && http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } counted)
            counted.MaxRequestBodySize = longest;
        return next(http);
    }
}
