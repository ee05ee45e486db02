using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests.Explain;

/// <summary>A gateway with everything that the broken requests need behind it.</summary>
public sealed partial class ExplainDoor : IAsyncLifetime
{
    public const string Canary = "canary-";

    internal Door Door { get; private set; } = null!;

    internal Backend Account { get; private set; } = null!;

    internal string Admin => Door.Issuer.UserToken("admin", "uaa.admin");

    public async ValueTask InitializeAsync()
    {
        Door = await Door.OpenAsync(BrokenRequests.Routes);
        Account = await Door.AddAsync("account-service");
        await Door.AddAsync("auth-service");
        await (await Door.AddAsync("dead-service")).KillAsync();
        await Door.AddAsync("slow-service", http => Task.Delay(Timeout.Infinite, http.RequestAborted));
        await Door.AddAsync("broken-service", http =>
        {
            http.Abort();
            return Task.CompletedTask;
        });
        await Door.AddAsync("refusing-service", http =>
        {
            http.Response.StatusCode = http.Request.Path.StartsWithSegments("/actuator", StringComparison.Ordinal) ? 404 : int.Parse(http.Request.Path.Value!.Split('/')[^1], System.Globalization.CultureInfo.InvariantCulture);
            return Task.CompletedTask;
        });
        var revocations = Door.Gateway.Services.GetRequiredService<ITokenRevocations>();
        await Eventually.TrueAsync(() => revocations.IsCurrent, "the revocations are followed");
    }

    public ValueTask DisposeAsync() => Door.DisposeAsync();

    /// <summary>Sends it byte for byte, with planted secrets in the cookie and in the query.</summary>
    internal async Task<(RawAnswer Answer, string Id)> SendAsync(Sent sent)
    {
        var target = sent.Target + (sent.Target.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "code=canary-code-in-the-query&canary-nameless";
        var lines = new List<string> { $"{sent.Method} {target} HTTP/1.1", $"Host: {sent.Host ?? Door.Url.Authority}" };
        if (sent.Authorization is not null) lines.Add("Authorization: " + sent.Authorization);
        lines.AddRange(sent.Headers);
        lines.Add("Cookie: SESSION=canary-cookie");
        if (sent.Body.Length > 0) lines.Add($"Content-Length: {sent.Body.Length}");
        lines.Add("Connection: close");
        var answer = await RawHttp.SendAsync(Door.Url, string.Join("\r\n", lines) + "\r\n\r\n" + sent.Body);
        var id = TraceId().Match(answer.Head).Groups[1].Value;
        return (answer, id);
    }

    internal async Task<(JsonElement Json, string Text)> WhyAsync(string id)
    {
        using var answer = await Door.GetAsync("/actuator/why/" + id, Admin);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True((int)answer.StatusCode == 200, $"{(int)answer.StatusCode} {text}");
        return (JsonDocument.Parse(text).RootElement, text);
    }

    [GeneratedRegex("^X-Trace-Id: ([0-9a-f]{32})\r?$", RegexOptions.Multiline | RegexOptions.IgnoreCase)]
    private static partial Regex TraceId();
}
