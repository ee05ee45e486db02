using System.Net;
using System.Text;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Authorize;

/// <summary>The page that posts an answer back to the client; the only one with a script, which its policy names.</summary>
internal static class Page
{
    /// <summary>No frame, no foreign content, nothing kept .</summary>
    public static void Protect(HttpResponse response, string more)
    {
        Answer.Hide(response);
        response.Headers.ContentSecurityPolicy = $"default-src 'none'; base-uri 'none'; frame-ancestors 'none'; {more}";
        response.Headers.XFrameOptions = "DENY";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
    }

    public static Task WriteAsync(HttpContext http, string title, string body)
    {
        http.Response.ContentType = "text/html; charset=utf-8";
        return http.Response.WriteAsync(
            $"""
            <!DOCTYPE html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{WebUtility.HtmlEncode(title)}</title></head>
            <body>
            <h1>{WebUtility.HtmlEncode(title)}</h1>
            {body}
            </body>
            </html>

            """, Encoding.UTF8, http.RequestAborted);
    }
}
