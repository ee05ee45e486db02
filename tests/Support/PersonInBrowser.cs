using System.Net;
using System.Text.RegularExpressions;

namespace SecureMesh.Tests.Support;

/// <summary>
/// A person in a browser without scripts: goes where redirects lead, signs in where a page asks for a password, allows what a
/// page asks for, and stops at the first page that asks for nothing. Each has cookies of its own.
/// </summary>
public sealed partial class PersonInBrowser(string userName, string password) : IDisposable
{
    private const int MostSteps = 15;

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly Dictionary<string, string> _cookies = new(StringComparer.Ordinal);

    /// <summary>Titles of the pages that were seen, in order.</summary>
    public IReadOnlyList<string> Pages => _pages;

    private readonly List<string> _pages = [];

    /// <summary>True to press the other button where a page asks for permission.</summary>
    public bool Denies { get; set; }

    /// <summary>Opens an address and does what the pages ask for.</summary>
    /// <returns>Status and content of the page that asks for nothing more.</returns>
    public async Task<(int Status, string Page)> OpenAsync(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var home = address.Authority;
        var (status, body, next) = await SendAsync(HttpMethod.Get, address, null, home);
        for (var step = 0; step < MostSteps; step++)
        {
            if (next is not null) (status, body, next) = await SendAsync(HttpMethod.Get, next, null, home);
            else if (status == 200 && Form().Match(body) is { Success: true } form) (status, body, next) = await SubmitAsync(address, form, home);
            else return (status, body);
        }

        throw new InvalidOperationException("the pages never end: " + string.Join(", ", _pages));
    }

    public void Dispose() => _http.Dispose();

    private Task<(int, string, Uri?)> SubmitAsync(Uri address, Match form, string home)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (Match tag in Input().Matches(form.Value))
        {
            if (Attribute(tag.Value, "name") is not { } name) continue;
            if (Attribute(tag.Value, "type") == "checkbox" && !tag.Value.Contains("checked", StringComparison.Ordinal)) continue;
            fields[name] = Attribute(tag.Value, "value") ?? "";
        }

        if (Regex.IsMatch(form.Value, "type=\"password\"")) (fields["username"], fields["password"]) = (userName, password);
        var wanted = Denies ? (string[])["deny", "false", "look"] : ["allow", "true", "look"];
        foreach (Match tag in Button().Matches(form.Value))
            if (Attribute(tag.Value, "name") is { } name && Attribute(tag.Value, "value") is { } value && wanted.Contains(value)) fields[name] = value;
        var action = WebUtility.HtmlDecode(Attribute(form.Groups[1].Value, "action")) ?? throw new InvalidOperationException("a form without an action");
        return SendAsync(HttpMethod.Post, new Uri(address, action), fields, home);
    }

    private async Task<(int Status, string Body, Uri? Next)> SendAsync(HttpMethod method, Uri address, Dictionary<string, string>? form, string home)
    {
        using var request = new HttpRequestMessage(method, address);
        request.Headers.TryAddWithoutValidation("Accept", "text/html");
        if (form is not null)
        {
            request.Content = new FormUrlEncodedContent(form);
            request.Headers.TryAddWithoutValidation("Origin", address.GetLeftPart(UriPartial.Authority));
        }

        if (address.Authority == home && _cookies.Count > 0) request.Headers.TryAddWithoutValidation("Cookie", string.Join("; ", _cookies.Select(c => $"{c.Key}={c.Value}")));
        using var response = await _http.SendAsync(request);
        if (address.Authority == home && response.Headers.TryGetValues("Set-Cookie", out var lines)) Keep(lines);
        var body = await response.Content.ReadAsStringAsync();
        if (Heading().Match(body) is { Success: true } heading) _pages.Add(WebUtility.HtmlDecode(heading.Groups[1].Value));
        var location = (int)response.StatusCode is >= 300 and < 400 ? response.Headers.Location : null;
        return ((int)response.StatusCode, body, location is null ? null : new Uri(address, location));
    }

    private void Keep(IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            var pair = line.Split(';')[0];
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (pair.Length == equals + 1) _cookies.Remove(pair[..equals]);
            else _cookies[pair[..equals]] = pair[(equals + 1)..];
        }
    }

    private static string? Attribute(string tag, string name) =>
        Regex.Match(tag, "\\s" + name + "\\s*=\\s*\"([^\"]*)\"") is { Success: true } match ? WebUtility.HtmlDecode(match.Groups[1].Value) : null;

    [GeneratedRegex("<form([^>]*)>.*?</form>", RegexOptions.Singleline)]
    private static partial Regex Form();

    [GeneratedRegex("<input[^>]*>", RegexOptions.Singleline)]
    private static partial Regex Input();

    [GeneratedRegex("<button[^>]*>", RegexOptions.Singleline)]
    private static partial Regex Button();

    [GeneratedRegex("<h1[^>]*>(.*?)</h1>", RegexOptions.Singleline)]
    private static partial Regex Heading();
}
