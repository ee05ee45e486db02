using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Token;

/// <summary>What was answered is kept, whatever happens to the process.</summary>
public sealed class DurabilityTests
{
    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_refresh_token_that_was_answered_survives_a_killed_process(SqlEngine engine)
    {
        await using var database = await Databases.CreateAsync(engine);
        string? answered = null;
        var reused = new List<string>();
        for (var round = 0; round < 3; round++)
        {
            using var process = Process.Start(AuthProcess.Start(database.Settings(("mesh:demo", "true"))))!;
            try
            {
                using var http = new HttpClient { BaseAddress = await AuthProcess.AddressAsync(process) };
                answered = await RefreshTokenAsync(http, answered is null
                    ? "grant_type=password&username=demo&password=demo&scope=ui" : "grant_type=refresh_token&refresh_token=" + answered);
                Assert.DoesNotContain(answered, reused);
                reused.Add(answered);
            }
            finally
            {
                process.Kill();
                await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            }
        }
    }

    private static async Task<string> RefreshTokenAsync(HttpClient http, string form)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/token")
        {
            Content = new StringContent(form, Encoding.UTF8, "application/x-www-form-urlencoded"),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", "YnJvd3Nlcjo=");
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, body);
        return JsonDocument.Parse(body).RootElement.GetProperty("refresh_token").GetString()!;
    }
}
