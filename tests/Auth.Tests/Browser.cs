using AngleSharp.Dom;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;

namespace SecureMesh.Auth.Tests;

/// <summary>A browser without scripts: keeps cookies as browsers do, follows nothing by itself, fills in forms as they stand.</summary>
internal sealed class Browser(DemoAuth auth)
{
    /// <summary>What browsers send.</summary>
    public const string Html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    public Dictionary<string, string> Cookies { get; } = new(StringComparer.Ordinal);

    public string? Session => Cookies.GetValueOrDefault("__Host-sm-session");

    public Task<BrowserPage> GetAsync(string path, string accept = Html) => SendAsync(HttpMethod.Get, path, null, accept);

    public Task<BrowserPage> PostAsync(string path, params (string Name, string Value)[] fields) =>
        SendAsync(HttpMethod.Post, path, new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value))), Html);

    /// <summary>Sends a form of the page as it stands, with some fields changed; a null value leaves a field out.</summary>
    public Task<BrowserPage> SubmitAsync(BrowserPage page, params (string Name, string? Value)[] changes)
    {
        var form = page.Document.QuerySelector<IHtmlFormElement>("form") ?? throw new Xunit.Sdk.XunitException("no form in " + page.Body);
        var fields = form.QuerySelectorAll<IHtmlInputElement>("input")
            .Where(input => input.Name is not null && (input.Type is not ("checkbox" or "radio") || input.IsChecked))
            .ToDictionary(input => input.Name!, input => (string?)input.Value, StringComparer.Ordinal);
        foreach (var (name, value) in changes) fields[name] = value;
        return PostAsync(form.GetAttribute("action")!, [.. fields.Where(field => field.Value is not null).Select(field => (field.Key, field.Value!))]);
    }

    /// <summary>Signs in at the page, or at the plain sign-in page.</summary>
    public async Task<BrowserPage> SignInAsync(string user = "demo", string password = "demo", BrowserPage? page = null) =>
        await SubmitAsync(page ?? await GetAsync("uaa/login"), ("username", user), ("password", password));

    public async Task<BrowserPage> SendAsync(HttpMethod method, string path, HttpContent? content, string accept, string? cookie = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(auth.Url, path.TrimStart('/'))) { Content = content };
        request.Headers.TryAddWithoutValidation("Accept", accept);
        cookie ??= string.Join("; ", Cookies.Select(pair => $"{pair.Key}={pair.Value}"));
        if (cookie.Length > 0) request.Headers.TryAddWithoutValidation("Cookie", cookie);
        using var response = await auth.Http.SendAsync(request);
        if (response.Headers.TryGetValues("Set-Cookie", out var set)) foreach (var line in set) Store(line);
        return new BrowserPage((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response);
    }

    private void Store(string line)
    {
        var parts = line.Split(';', StringSplitOptions.TrimEntries);
        var equals = parts[0].IndexOf('=', StringComparison.Ordinal);
        var (name, value) = (parts[0][..equals], parts[0][(equals + 1)..]);
        // As browsers refuse a __Host- cookie that is not what its name promises.
        if (name.StartsWith("__Host-", StringComparison.Ordinal))
            Assert.True(parts.Contains("secure", StringComparer.OrdinalIgnoreCase) && parts.Contains("path=/", StringComparer.OrdinalIgnoreCase)
                && !parts.Any(part => part.StartsWith("domain", StringComparison.OrdinalIgnoreCase)), line);
        if (parts.FirstOrDefault(part => part.StartsWith("expires=", StringComparison.OrdinalIgnoreCase)) is { } expires
            && DateTimeOffset.Parse(expires["expires=".Length..], System.Globalization.CultureInfo.InvariantCulture).Year < 2000) Cookies.Remove(name);
        else Cookies[name] = value;
    }
}

/// <summary>What a browser got.</summary>
internal sealed class BrowserPage(int status, string body, HttpResponseMessage response)
{
    private IHtmlDocument? _document;

    public int Status => status;

    public string Body => body;

    public string? Location { get; } = response.Headers.Location?.OriginalString;

    public IHtmlDocument Document => _document ??= new HtmlParser().ParseDocument(body);

    public string? Title => Document.QuerySelector("h1")?.TextContent;

    public string Text => Document.Body!.TextContent;

    public IReadOnlyList<string> SetCookies { get; } = response.Headers.TryGetValues("Set-Cookie", out var set) ? [.. set] : [];

    private readonly Dictionary<string, string> _headers = response.Headers.Concat(response.Content.Headers)
        .ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase);

    public string? Header(string name) => _headers.GetValueOrDefault(name);

    public string Field(string name) => Document.QuerySelector<IHtmlInputElement>($"input[name='{name}']")?.Value ?? throw new Xunit.Sdk.XunitException($"no field {name} in {body}");
}
