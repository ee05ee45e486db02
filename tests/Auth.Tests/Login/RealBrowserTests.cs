using Microsoft.Playwright;

namespace SecureMesh.Auth.Tests.Login;

/// <summary>The pages in Chromium: what cookies, policies and redirects really do there.</summary>
public sealed class RealBrowserTests
{
    // For those who want to look at the pages.
    private static readonly string? _pictures = Environment.GetEnvironmentVariable("MESH_TEST_PICTURES");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task X_11_X_13_OP_L_02_a_person_signs_in_agrees_goes_to_the_application_and_signs_out(bool scripts)
    {
        const string bye = "https://app.example/bye";
        await using var auth = await DemoAuth.StartAsync();
        await App.AddAsync(auth, "real", client => client with { Name = "Photo album", Metadata = client.Metadata with { PostLogoutRedirectUris = [bye] } });
        using var playwright = await Playwright.CreateAsync();
        await using var chromium = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = "/usr/bin/chromium", Args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
        await using var context = await chromium.NewContextAsync(new() { JavaScriptEnabled = scripts, ColorScheme = scripts ? ColorScheme.Light : ColorScheme.Dark, ViewportSize = scripts ? new() { Width = 1100, Height = 800 } : new() { Width = 390, Height = 800 } });
        var page = await context.NewPageAsync();
        var complaints = new List<string>();
        page.Console += (_, message) => { if (message.Type == "error") complaints.Add(message.Text); };
        await context.RouteAsync("https://app.example/**", route => route.FulfillAsync(new() { Status = 200, ContentType = "text/html", Body = "<title>app</title>" }));
        // By the name of the machine itself, where browsers take Secure cookies without TLS.
        var address = $"http://localhost:{auth.Url.Port}/";

        await page.GotoAsync(address + App.Authorize("real", "openid email profile offline_access"));
        await PictureAsync(page, scripts, "1-sign-in");
        await page.FillAsync("#username", "demo");
        await page.FillAsync("#password", "wrong");
        await page.ClickAsync("button");
        await page.GetByRole(AriaRole.Alert).WaitForAsync();
        await PictureAsync(page, scripts, "2-refused");
        await page.FillAsync("#username", "demo");
        await page.FillAsync("#password", "demo");
        await page.ClickAsync("button");
        await page.GetByText("Photo album").WaitForAsync();
        await PictureAsync(page, scripts, "3-consent");
        await page.ClickAsync("button[value=true]");
        await page.WaitForURLAsync("https://app.example/callback?**");
        Assert.Contains("code=", page.Url, StringComparison.Ordinal);

        var cookies = (await context.CookiesAsync([address])).ToDictionary(cookie => cookie.Name, StringComparer.Ordinal);
        var session = cookies["__Host-sm-session"];
        Assert.True(session is { Secure: true, HttpOnly: true, Path: "/", SameSite: SameSiteAttribute.Lax });

        foreach (var (path, name) in new[] { ("uaa/", "4-home"), ("uaa/passcode", "5-passcode"), ("uaa/device?user_code=BCDF-GHJK", "6-device") })
        {
            await page.GotoAsync(address + path);
            await PictureAsync(page, scripts, name);
        }
        await page.GotoAsync(address + "uaa/logout.do?client_id=real&state=x&post_logout_redirect_uri=" + Uri.EscapeDataString(bye));
        await PictureAsync(page, scripts, "7-sign-out");
        await page.ClickAsync("button");
        await page.WaitForURLAsync(bye + "?state=x");
        Assert.DoesNotContain(await context.CookiesAsync([address]), cookie => cookie.Name == "__Host-sm-session");
        await page.GotoAsync(address + "uaa/");
        await PictureAsync(page, scripts, "8-nobody");
        Assert.Equal("Not signed in", await page.Locator("h1").TextContentAsync());
        Assert.Empty(complaints);
    }

    private static Task PictureAsync(IPage page, bool scripts, string name) =>
        _pictures is null ? Task.CompletedTask : page.ScreenshotAsync(new() { Path = Path.Combine(_pictures, $"{(scripts ? "wide" : "narrow")}-{name}.png"), FullPage = true });
}
