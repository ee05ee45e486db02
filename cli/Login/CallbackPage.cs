using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace SecureMesh.Cli.Login;

/// <summary>The page that ends a sign-in. Its texts are fixed: nothing of the request comes back in it.</summary>
internal static class CallbackPage
{
    public static Task WriteAsync(HttpContext http, int status, string title, string text)
    {
        var page = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title></head>
            <body><main><h1>{title}</h1><p>{text}</p></main></body>
            </html>

            """));
        var response = http.Response;
        response.StatusCode = status;
        response.ContentType = "text/html; charset=utf-8";
        response.ContentLength = page.Length;
        // The address of this page holds the code: it goes nowhere from here.
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers.CacheControl = "no-store";
        response.Headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.Connection = "close";
        return response.Body.WriteAsync(page, http.RequestAborted).AsTask();
    }
}
