using System.Net;
using System.Text;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Authorize;

/// <summary>The two pages that must not depend on anything: the post back to the client and the refusal.</summary>
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

/// <summary>A refusal that must not go to the client, because nobody knows whose address it names: a page for people, JSON for programs.</summary>
internal sealed class RefusalPage(OAuthError error) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        if (!Accepts.Html(httpContext.Request)) return error.ExecuteAsync(httpContext);
        httpContext.Response.StatusCode = error.Status;
        Page.Protect(httpContext.Response, "form-action 'none'");
        // Nothing of the request stands on the page: no text of somebody else's, and no markup.
        return Page.WriteAsync(httpContext, "This sign-in cannot go on", $"<p>{Text()}</p>\n<p>Go back to the application and try again. Its operators find the reason under <code>{error.Code}</code>.</p>");
    }

    private string Text() => error.Code switch
    {
        "invalid_client" => "The application that sent you here is not known.",
        "invalid_grant" => "The application wants the answer at an address that is not registered for it.",
        "invalid_request_uri" => "The request of the application has been used already, or waited for too long.",
        "transaction_ended" => "This sign-in was completed already, took too long, or was begun in another browser.",
        _ => "The application sent a request that cannot be read.",
    };
}

/// <summary>Who asks: a person at a browser or a program.</summary>
internal static class Accepts
{
    public static bool Html(HttpRequest request) => Has(request, "text/html");

    public static bool JsonAlone(HttpRequest request) => Has(request, "application/json") && !Html(request);

    private static bool Has(HttpRequest request, string type) => request.Headers.Accept.Any(header => header?.Contains(type, StringComparison.OrdinalIgnoreCase) == true);
}
