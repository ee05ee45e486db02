using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace SecureMesh.Auth.Authorize;

/// <summary>Where an answer goes and how (RFC 6749 §4.1.2, OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode).</summary>
/// <param name="RedirectUri">Checked already.</param>
/// <param name="Mode"><c>query</c>, <c>fragment</c> or <c>form_post</c>.</param>
/// <param name="State">As it came; null when there was none.</param>
/// <param name="Issuer">Goes into every answer (RFC 9207), so that a client of several services knows whose it is.</param>
internal sealed record ResponseTarget(string RedirectUri, string Mode, string? State, string Issuer)
{
    public AuthorizationResponse Answer(params (string Name, string? Value)[] parameters) =>
        new AuthorizationResponse(this, [.. parameters.Where(parameter => parameter.Value is not null), .. Common()]);

    private IEnumerable<(string, string?)> Common()
    {
        if (State is not null) yield return ("state", State);
        yield return ("iss", Issuer);
    }
}

/// <summary>An answer to the client by way of the browser.</summary>
internal sealed class AuthorizationResponse(ResponseTarget target, IReadOnlyList<(string Name, string? Value)> parameters) : IResult
{
    private const string Script = "document.forms[0].submit()";
    private static readonly string ScriptHash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Script)));

    private bool _alwaysFound;

    /// <summary>302 after a form post too: the programs that sign in without a browser know nothing else.</summary>
    public AuthorizationResponse Found() => new(target, parameters) { _alwaysFound = true };

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        Protocol.Answer.Hide(response);
        response.Headers["Referrer-Policy"] = "no-referrer";
        if (target.Mode == "form_post") return PageAsync(httpContext);
        // 303 after a post (RFC 9700 §4.12): the form, a password perhaps, never goes along.
        response.StatusCode = _alwaysFound || !HttpMethods.IsPost(httpContext.Request.Method) ? 302 : 303;
        response.Headers.Location = target.RedirectUri + Separator() + string.Join('&', parameters.Select(parameter => $"{parameter.Name}={Uri.EscapeDataString(parameter.Value!)}"));
        return Task.CompletedTask;
    }

    private string Separator()
    {
        if (target.Mode == "fragment") return "#";
        if (!target.RedirectUri.Contains('?', StringComparison.Ordinal)) return "?";
        return target.RedirectUri[^1] is '?' or '&' ? "" : "&";
    }

    private Task PageAsync(HttpContext http)
    {
        Page.Protect(http.Response, $"script-src 'sha256-{ScriptHash}'; form-action {RedirectUris.Origin(target.RedirectUri)}");
        var inputs = string.Concat(parameters.Select(parameter =>
            $"<input type=\"hidden\" name=\"{WebUtility.HtmlEncode(parameter.Name)}\" value=\"{WebUtility.HtmlEncode(parameter.Value)}\">\n"));
        return Page.WriteAsync(http, "Back to the application",
            $"""
            <p>You are being taken back to the application.</p>
            <form method="post" action="{WebUtility.HtmlEncode(target.RedirectUri)}">
            {inputs}<button type="submit">Continue</button>
            </form>
            <script>{Script}</script>
            """);
    }
}
