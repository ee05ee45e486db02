using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;

namespace SecureMesh.Auth.Login;

/// <summary>The two files of the pages, part of the program. Their addresses change with their content, so browsers may keep them.</summary>
internal static class Stylesheet
{
    private static readonly byte[] Css = Read("pages.css");
    private static readonly byte[] Icon = Read("icon.svg");

    public static string Address { get; } = $"/uaa/resources/pages.css?v={Hash(Css)}";

    public static string IconAddress { get; } = $"/uaa/resources/icon.svg?v={Hash(Icon)}";

    public static Task<IResult> CssAsync(HttpContext http, CancellationToken cancellationToken) => Task.FromResult<IResult>(File(http, Css, "text/css; charset=utf-8"));

    public static Task<IResult> IconAsync(HttpContext http, CancellationToken cancellationToken) => Task.FromResult<IResult>(File(http, Icon, "image/svg+xml"));

    private static FileContentHttpResult File(HttpContext http, byte[] content, string type)
    {
        http.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        return TypedResults.Bytes(content, type);
    }

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 6));

    private static byte[] Read(string name)
    {
        using var stream = typeof(Stylesheet).Assembly.GetManifestResourceStream(typeof(Stylesheet), "Pages." + name)
            ?? throw new InvalidOperationException($"the program lacks its file {name}");
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
