using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using SecureMesh.Account.Registration;
using Xunit;

namespace SecureMesh.Account.Tests;

public sealed class RegistrationLimitTests
{
    [Fact]
    public async Task Every_attempt_counts_and_too_many_are_429_with_a_time_to_wait()
    {
        await using var mesh = await AccountMesh.StartAsync(settings: ("account:registration:perMinute", "3"));

        Assert.Equal(200, (await mesh.RegisterAsync(AccountMesh.Alice)).Status);
        Assert.Equal(400, (await mesh.RegisterAsync(AccountMesh.Alice)).Status);
        Assert.Equal(400, (await mesh.RegisterAsync("not JSON")).Status);
        var answer = await mesh.RegisterAsync("""{"username":"bob1","password":"secret1"}""");

        Assert.Equal((429, "too_many_requests", "application/problem+json"), (answer.Status, answer.Error, answer.MediaType));
        Assert.InRange(answer.Message.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 20);
        Assert.Single(mesh.Auth.Users);
        Assert.Equal(404, (await mesh.GetAsync("/accounts/bob1", mesh.Server())).Status);
    }

    [Fact]
    public async Task The_address_is_the_callers_behind_the_gateway()
    {
        await using var mesh = await AccountMesh.StartAsync(settings: ("account:registration:perMinute", "1"));

        async Task<int> RegisterAsync(string name, string address)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/accounts/") { Content = new StringContent($$"""{"username":"{{name}}","password":"secret1"}""", null, "application/json") };
            request.Headers.Add("X-Forwarded-For", address);
            return (int)(await mesh.Service.Http.SendAsync(request)).StatusCode;
        }

        Assert.Equal(200, await RegisterAsync("alice1", "192.0.2.1"));
        Assert.Equal(429, await RegisterAsync("alice2", "192.0.2.1"));
        // Two of these may share a bucket with another by chance, hardly all.
        var others = await Task.WhenAll(Enumerable.Range(2, 5).Select(n => RegisterAsync("bob" + n, "192.0.2." + n)));
        Assert.Contains(200, others);
    }

    [Fact]
    public void An_IPv6_network_counts_as_one_address_and_a_mapped_IPv4_address_as_itself()
    {
        using var limit = new RegistrationLimit(Options.Create(new RegistrationOptions { PerMinute = 1 }));
        bool Allowed(string address) => limit.Count(new DefaultHttpContext { Connection = { RemoteIpAddress = IPAddress.Parse(address) } }) is null;

        Assert.True(Allowed("2001:db8:1:2::1"));
        Assert.False(Allowed("2001:db8:1:2:ffff::9"));
        Assert.Contains(true, Enumerable.Range(3, 5).Select(n => Allowed($"2001:db8:1:{n}::1")).ToList());
        Assert.Contains(true, Enumerable.Range(1, 5).Select(n => Allowed($"192.0.2.{n}")).ToList());
        Assert.DoesNotContain(true, Enumerable.Range(1, 5).Select(n => Allowed($"::ffff:192.0.2.{n}")));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-5")]
    public async Task A_limit_that_makes_no_sense_stops_the_start(string perMinute)
    {
        await using var mesh = await AccountMesh.PrepareAsync(Sdk.SqlEngine.Sqlite, ("account:registration:perMinute", perMinute));

        var (code, _, error) = await mesh.RunProgramAsync();

        Assert.Equal((78, $"cannot start: account:registration:perMinute must be 1 to 1000000, not {perMinute}.\n"), (code, error));
    }
}
