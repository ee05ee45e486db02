using System.Net;
using System.Text.RegularExpressions;

namespace SecureMesh.Bench;

/// <summary>As much of a browser as a sign-in at auth's plain pages needs: cookies, and forms as they stand.</summary>
internal sealed partial class Browser(HttpClient http, Uri auth)
{
    private readonly Dictionary<string, string> _cookies = [];

    /// <summary>Signs in at the page.</summary>
    public async Task SignInAsync(string user, string password)
    {
        using var page = await SendAsync(HttpMethod.Get, "/uaa/login");
        var fields = Hidden().Matches(await page.Content.ReadAsStringAsync()).ToDictionary(field => field.Groups["name"].Value, field => WebUtility.HtmlDecode(field.Groups["value"].Value));
        (fields["username"], fields["password"]) = (user, password);
        using var answer = await SendAsync(HttpMethod.Post, "/uaa/login.do", new FormUrlEncodedContent(fields));
        if (answer.Headers.Location?.OriginalString is not "/uaa/") throw new InvalidOperationException($"the sign-in of {user} leads to {answer.StatusCode} {answer.Headers.Location}");
    }

    /// <summary>Where the browser is sent.</summary>
    public async Task<Uri> FollowAsync(string path)
    {
        using var answer = await SendAsync(HttpMethod.Get, path);
        return answer.Headers.Location ?? throw new InvalidOperationException($"{path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(auth, path)) { Content = content };
        request.Headers.TryAddWithoutValidation("Accept", "text/html");
        request.Headers.TryAddWithoutValidation("Cookie", string.Join("; ", _cookies.Select(cookie => $"{cookie.Key}={cookie.Value}")));
        var answer = await http.SendAsync(request);
        foreach (var cookie in answer.Headers.TryGetValues("Set-Cookie", out var set) ? set : [])
        {
            var pair = cookie.Split(';')[0].Split('=', 2);
            _cookies[pair[0]] = pair[1];
        }
        return answer;
    }

    [GeneratedRegex("<input type=\"hidden\" name=\"(?<name>[^\"]+)\" value=\"(?<value>[^\"]*)\"")]
    private static partial Regex Hidden();
}
