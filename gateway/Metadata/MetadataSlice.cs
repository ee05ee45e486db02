using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Metadata;

/// <summary>The gateway says of itself what the tokens for it are (RFC 9728): <c>/.well-known/oauth-protected-resource</c>, alone and before any path.</summary>
internal static class MetadataSlice
{
    private static readonly Problem _none = new(404, "not_found", "Nothing at this address asks for a token") { Reason = Reasons.NotFound };

    public static void AddMetadata(this WebApplicationBuilder builder) => builder.Services.AddSingleton<ResourceMetadata>();

    public static void MapMetadata(this IEndpointRouteBuilder app)
    {
        var metadata = app.ServiceProvider.GetRequiredService<ResourceMetadata>();
        app.MapGet(ResourceMetadata.Path + "/{**path}", (HttpContext http) => AnswerAsync(http, metadata)).AllowAnonymous();
    }

    private static Task AnswerAsync(HttpContext http, ResourceMetadata metadata)
    {
        // The path as the guard saw it, not as the router takes it apart: the resource is what the client asks for (RFC 9728 §3.3).
        http.Request.Path.StartsWithSegments(ResourceMetadata.Path, StringComparison.OrdinalIgnoreCase, out var path);
        if (metadata.Of(path) is not { } answer) return http.AnswerAsync(_none);
        var headers = http.Response.Headers;
        headers.CacheControl = "public, max-age=300";
        headers.XContentTypeOptions = "nosniff";
        // There is nothing in it that not everybody may read, pages of other origins included.
        headers.AccessControlAllowOrigin = "*";
        return http.Response.WriteWholeJsonAsync(answer, ResourceJson.Default.ResourceAnswer);
    }
}
