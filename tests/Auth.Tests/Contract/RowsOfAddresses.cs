using System.Text.RegularExpressions;
using SecureMesh.Auth.Tests.Authorize;
using Agent = SecureMesh.Auth.Tests.Authorize.Browser;

namespace SecureMesh.Auth.Tests.Contract;

/// <summary>Where a browser is sent, and what an address may look like.</summary>
public sealed class RowsOfAddresses(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Theory]
    [InlineData("/cb")]
    [InlineData("//client.example/cb")]
    [InlineData("file:///cb")]
    [InlineData("https:/cb")]
    public async Task N_04_what_the_platform_takes_for_a_file_is_no_redirect_uri(string uri)
    {
        var made = await auth.CallAsync("POST", "uaa/oauth/clients", await auth.AdminAsync(), $$"""
            {"client_id":"n04","client_secret":"secret-n04","authorized_grant_types":"authorization_code","scope":"openid","redirect_uri":"{{uri}}"}
            """);

        Assert.Equal(400, made.Status);
    }

    [Fact]
    public async Task N_04_redirect_uris_that_the_platform_takes_for_equal_are_not()
    {
        await auth.RegisterAsync("letters", redirects: ["https://client.example/cb"]);
        var browser = new Agent(auth);
        await browser.SignInAsync();
        Task<Page> AskAsync(string uri) => browser.AuthorizeAsync(("client_id", "letters"), ("response_type", "code"), ("redirect_uri", uri), ("scope", "openid"));

        Assert.Equal(43, (await AskAsync("https://client.example/cb")).Code.Length);
        foreach (var uri in new[] { "https://client.example:443/cb", "https://CLIENT.example/cb", "HTTPS://client.example/cb", "https://client.example/x/../cb", "https://client.example/%63b" })
        {
            var refused = await AskAsync(uri);
            Assert.Equal(400, refused.Status);
            Assert.Null(refused.Location);
        }
    }

    [Theory]
    [InlineData("https://*.client.example/cb", "https://a.client.example/cb")]
    [InlineData("https://client.example/**", "https://client.example/cb")]
    [InlineData("https://client.example/cb*", "https://client.example/cb1")]
    [InlineData("http*://client.example/cb", "https://client.example/cb")]
    public async Task U_03_a_wildcard_is_not_registered_and_one_that_was_imported_stands_for_nothing(string pattern, string uri)
    {
        var made = await auth.CallAsync("POST", "uaa/oauth/clients", await auth.AdminAsync(), $$"""
            {"client_id":"u03","client_secret":"secret-u03","authorized_grant_types":"authorization_code","scope":"openid","redirect_uri":"{{pattern}}"}
            """);
        var imported = "u03-" + Convert.ToHexStringLower(System.Text.Encoding.ASCII.GetBytes(pattern));
        await auth.RegisterAsync(imported, redirects: [pattern, "https://other.example/cb"]);
        var browser = new Agent(auth);
        await browser.SignInAsync();

        Assert.Equal(400, made.Status);
        // Neither what UAA would have matched, nor a subdomain of a registered host, nor the pattern itself.
        foreach (var sent in new[] { uri, pattern, "https://sub.other.example/cb", "https://other.example/cb/more" })
        {
            var refused = await browser.AuthorizeAsync(("client_id", imported), ("response_type", "code"), ("redirect_uri", sent), ("scope", "openid"));
            Assert.Equal(400, refused.Status);
            Assert.Null(refused.Location);
        }
    }

    [Theory]
    [InlineData("/%09/evil.example")]
    [InlineData("/%5Cevil.example")]
    [InlineData("//evil.example")]
    [InlineData("%5C%5Cevil.example")]
    public async Task N_06_where_to_go_after_a_sign_in_is_kept_here_and_not_in_the_address(string evil)
    {
        var sent = await new Agent(auth).AuthorizeAsync(Agent.Web());
        Assert.Matches(new Regex(@"\A/uaa/login\?transaction=[A-Za-z0-9_-]{43}\z"), sent.Location);

        var browser = new SecureMesh.Auth.Tests.Browser(auth);
        var path = string.Join('&', new[] { "continue", "returnUrl", "redirect", "next", "goto" }.Select(name => name + "=" + evil));
        var page = await browser.GetAsync("uaa/login?" + path);
        var done = await browser.SignInAsync(page: page);

        Assert.DoesNotContain("evil", page.Body, StringComparison.Ordinal);
        Assert.Equal(303, done.Status);
        Assert.StartsWith("/uaa", done.Location, StringComparison.Ordinal);
        Assert.DoesNotContain("evil", done.Location, StringComparison.Ordinal);
    }
}
