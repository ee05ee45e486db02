using System.Net;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>All services share one origin with the pages of sign-in: what a browser shows of one must not act for whoever looks at it.</summary>
public sealed class SandboxTests
{
    private static Task<Door> OpenAsync(params (string, string)[] settings) => Door.OpenAsync(
        [("gateway:routes:pages:path", "/pages/{**rest}"), ("gateway:routes:pages:service", "account-service"), ("gateway:routes:pages:access", "public"), .. settings]);

    private static async Task<HttpResponseMessage> AnswerAsync(Door door, string? contentType, params (string Name, string Value)[] headers)
    {
        await door.AddAsync("account-service", async http =>
        {
            if (contentType is not null) http.Response.ContentType = contentType;
            foreach (var (name, value) in headers) http.Response.Headers.Append(name, value);
            await http.Response.WriteAsync("<script>fetch('/uaa/oauth/authorize')</script>");
        });
        return await door.GetAsync("/pages/x");
    }

    private static string[] Policies(HttpResponseMessage answer) => answer.Headers.TryGetValues("Content-Security-Policy", out var policies) ? [.. policies] : [];

    [Theory]
    [InlineData("text/html; charset=utf-8")]
    [InlineData("application/xhtml+xml")]
    [InlineData("image/svg+xml")]
    [InlineData("text/xml")]
    [InlineData("application/octet-stream")]
    [InlineData(null)]
    public async Task A_page_of_a_service_is_shown_without_script_and_origin(string? contentType)
    {
        await using var door = await OpenAsync();

        using var answer = await AnswerAsync(door, contentType, ("Content-Security-Policy", "sandbox allow-scripts allow-same-origin"), ("Service-Worker-Allowed", "/"), ("Clear-Site-Data", "\"cookies\""),
            ("NEL", "{\"report_to\":\"x\",\"max_age\":60}"), ("Report-To", "{\"group\":\"x\"}"), ("Reporting-Endpoints", "x=\"https://other.example/\""), ("Origin-Agent-Cluster", "?0"));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains("sandbox", Policies(answer));
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        // Nothing that would hold for the whole origin.
        foreach (var name in (string[])["Service-Worker-Allowed", "Clear-Site-Data", "NEL", "Report-To", "Reporting-Endpoints", "Origin-Agent-Cluster"]) Assert.False(answer.Headers.Contains(name), name);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("text/plain; charset=utf-8")]
    public async Task Data_is_only_kept_from_being_guessed_at(string contentType)
    {
        await using var door = await OpenAsync();

        using var answer = await AnswerAsync(door, contentType);

        Assert.Empty(Policies(answer));
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
    }

    [Theory]
    [InlineData("sandbox", "false")]
    [InlineData("cookies", "true")]
    public async Task A_service_that_the_operator_trusts_with_the_origin_has_its_pages_as_they_are(string field, string value)
    {
        await using var door = await OpenAsync(("gateway:routes:pages:" + field, value));

        using var answer = await AnswerAsync(door, "text/html", ("Content-Security-Policy", "default-src 'self'"));

        Assert.Equal(["default-src 'self'"], Policies(answer));
        Assert.False(answer.Headers.Contains("X-Content-Type-Options"));
    }
}
