using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Login;

/// <summary>A page: a Razor component rendered as a whole, under the strictest policy it works with (X-11).</summary>
internal sealed class PageResult<T>(Dictionary<string, object?> parameters) : IResult where T : IComponent
{
    public int Status { get; init; } = 200;

    /// <summary>Where a form of the page may lead besides here: browsers apply <c>form-action</c> to the redirects after a form too.</summary>
    public string? FormTarget { get; init; }

    /// <summary>The https address of the one image from elsewhere.</summary>
    public string? Image { get; init; }

    public TimeSpan? RetryAfter { get; init; }

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var services = httpContext.RequestServices;
        await using var renderer = new HtmlRenderer(services, services.GetRequiredService<ILoggerFactory>());
        var html = await renderer.Dispatcher.InvokeAsync(async () =>
            (await renderer.RenderComponentAsync<T>(ParameterView.FromDictionary(parameters))).ToHtmlString());

        var response = httpContext.Response;
        response.StatusCode = Status;
        if (RetryAfter is { } wait) response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        PageHeaders.Protect(response, FormTarget, Image is null ? null : new Uri(Image).GetLeftPart(UriPartial.Authority));
        await TypedResults.Content(html, "text/html; charset=utf-8").ExecuteAsync(httpContext);
    }
}

/// <summary>The headers of every page for people.</summary>
internal static class PageHeaders
{
    public static void Protect(HttpResponse response, string? formTarget = null, string? imageOrigin = null)
    {
        Answer.Hide(response);
        response.Headers.ContentSecurityPolicy =
            $"default-src 'none'; style-src 'self'; img-src 'self'{(imageOrigin is null ? "" : " " + imageOrigin)}; "
            + $"form-action 'self'{(formTarget is null || !IsSource(formTarget) ? "" : " " + formTarget)}; base-uri 'none'; frame-ancestors 'none'";
        response.Headers.XFrameOptions = "DENY";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
    }

    // A registered address must not write a policy of its own.
    private static bool IsSource(string text) => text.All(c => char.IsAsciiLetterOrDigit(c) || c is ':' or '/' or '.' or '-' or '+' or '[' or ']' or '_');
}

/// <summary>The next page, after a form too: 303, so that nothing of the form is sent on (X-09).</summary>
internal sealed class SeeOther(string address) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        PageHeaders.Protect(httpContext.Response);
        httpContext.Response.StatusCode = StatusCodes.Status303SeeOther;
        httpContext.Response.Headers.Location = address;
        return Task.CompletedTask;
    }
}
