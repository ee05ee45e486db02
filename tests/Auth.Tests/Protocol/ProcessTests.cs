using System.Diagnostics;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Protocol;

/// <summary>What the program takes from the machine, and with what it does not start.</summary>
public sealed class ProcessTests
{
    [Fact]
    public async Task The_program_takes_no_inotify_instance_of_which_a_user_has_few()
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);
        using var process = Process.Start(AuthProcess.Start(database.Settings(("mesh:demo", "true"))))!;
        try
        {
            await AuthProcess.AddressAsync(process);

            var open = Directory.GetFiles($"/proc/{process.Id}/fd").Select(file => new FileInfo(file).LinkTarget ?? "").ToArray();

            Assert.Contains(open, target => target.StartsWith("socket:", StringComparison.Ordinal));
            Assert.DoesNotContain(open, target => target.Contains("inotify", StringComparison.Ordinal));
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task V_123_without_settings_nothing_starts_and_no_default_secret_steps_in()
    {
        // Neither a demo nor a place for data: whoever starts it like this gets a line that says what to set.
        var refusal = await AuthProcess.RefusalAsync([new("ASPNETCORE_ENVIRONMENT", "Production")]);

        Assert.Contains("mesh:data", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task V_123_a_production_start_knows_no_client_whose_secret_stands_in_a_document()
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);
        using var process = Process.Start(AuthProcess.Start(database.Settings(("auth:bootstrap:secrets:admin", new string('a', 64)))))!;
        try
        {
            using var http = new HttpClient { BaseAddress = await AuthProcess.AddressAsync(process) };
            foreach (var known in new[] { "browser:", "account-service:account-secret", "web:web-secret", "admin:adminsecret", "app:appclientsecret", "gateway:gateway", "admin:admin" })
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/token") { Content = new FormUrlEncodedContent([new("grant_type", "client_credentials")]) };
                request.Headers.TryAddWithoutValidation("Authorization", "Basic " + Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(known)));
                using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
                Assert.Equal(System.Net.HttpStatusCode.Unauthorized, answer.StatusCode);
            }
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
    }
}
