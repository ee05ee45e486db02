using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Login;

namespace SecureMesh.Auth.Tests.Login;

/// <summary>What auth gives a browser to bring back: either it says nothing, or it counts for what it was made for alone.</summary>
public sealed partial class AntiforgeryTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private const string Secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    private static DefaultHttpContext With(string secret) => new() { Request = { Headers = { Cookie = "__Host-sm-form=" + secret } } };

    [Fact]
    public void V_100_nothing_that_a_form_is_about_can_be_moved_over_to_its_neighbour()
    {
        var forms = auth.Services.GetRequiredService<Antiforgery>();
        // All of these are the same letters in the same order, or try to be what stands between two fields.
        string[][] about =
        [
            ["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["", "abc"], ["ab", "", "c"], ["a", "b", "c"], ["ab", "c", ""], ["", "ab", "c"],
            ["ab\nc"], ["ab\n1:c"], ["2:ab\n1:c"], ["2:ab", "1:c"], ["ab\n1", "c"], ["ab", "1:c"], ["ab\n", "c"], ["ab\0c"], ["ab,c"], ["ab:c"], ["ab|c"],
        ];

        foreach (var made in about)
        {
            var token = forms.Token(With(Secret), made);
            foreach (var shown in about) Assert.Equal(made == shown, forms.IsGood(With(Secret), token, shown));
        }
    }

    [Fact]
    public void V_100_nor_between_the_cookie_and_the_form_nor_within_the_token()
    {
        var forms = auth.Services.GetRequiredService<Antiforgery>();
        var token = forms.Token(With(Secret), "ab", "c");
        Assert.True(forms.IsGood(With(Secret), token, "ab", "c"));

        foreach (var (secret, first) in ((string, string)[])[(Secret[1..], "Aab"), (Secret + "ab", ""), (Secret + "a", "b"), (Secret[..^1] + "B", "ab"), ("", Secret + "ab")])
            Assert.False(forms.IsGood(With(secret), token, first, "c"));
        for (var i = 0; i < token.Length; i++)
        {
            var changed = token[..i] + (token[i] == 'A' ? 'B' : 'A') + token[(i + 1)..];
            Assert.False(forms.IsGood(With(Secret), changed, "ab", "c"), $"at {i}");
        }
        foreach (var length in (int[])[0, 21, 22, 43, 63]) Assert.False(forms.IsGood(With(Secret), token[..length], "ab", "c"));
        Assert.False(forms.IsGood(With(Secret), token + "A", "ab", "c"));
    }

    [Fact]
    public async Task V_100_no_cookie_has_fields_each_is_256_random_bits_that_mean_something_here_alone()
    {
        await App.AddAsync(auth, "cookies");
        var browser = new Browser(auth);
        await browser.SignInAsync(page: await browser.FollowAsync(App.Authorize("cookies")));

        Assert.Equal(["__Host-sm-authorize", "__Host-sm-form", "__Host-sm-session"], browser.Cookies.Keys.Order(StringComparer.Ordinal));
        Assert.All(browser.Cookies.Values, value => Assert.Matches(Random(), value));
        Assert.Contains("demo@example.com", (await browser.GetAsync("uaa/")).Text, StringComparison.Ordinal);
        var session = browser.Session!;
        for (var i = 0; i < session.Length; i++)
        {
            browser.Cookies["__Host-sm-session"] = session[..i] + (session[i] == 'A' ? 'B' : 'A') + session[(i + 1)..];
            Assert.DoesNotContain("demo@example.com", (await browser.GetAsync("uaa/")).Text, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex("^[A-Za-z0-9_-]{43}$")]
    private static partial Regex Random();
}
