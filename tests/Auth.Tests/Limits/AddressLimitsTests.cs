using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Limits;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Limits;

/// <summary>What one address can do to the others (K-17). The address is the one that the gateway hands on.</summary>
public sealed class AddressLimitsTests
{
    private const string TooMany = """{"error":"too_many_requests","error_description":"Too many sign-ins from your address. Try again later."}""";
    private static readonly (string, string)[] Grant = [("grant_type", "client_credentials")];

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7", "203.0.113.8")]
    [InlineData("2001:db8::1", "2001:db8::2:2", "2001:db8:0:1::1")]
    [InlineData("203.0.113.7", "::ffff:203.0.113.7", "::7100:4")]
    public async Task One_address_has_four_slow_hashes_at_once(string address, string same, string other)
    {
        await using var auth = await DemoAuth.StartAsync();
        var limits = auth.Services.GetRequiredService<AddressLimits>();
        var turns = Enumerable.Range(0, 4).Select(_ => limits.Enter(IPAddress.Parse(address)).Value!).ToArray();

        foreach (var refused in new[] { await SignInAsync(auth, same), await ClientAsync(auth, same, "account-service:wrong") })
        {
            Assert.Equal(429, refused.Status);
            Assert.Equal(TooMany, refused.Body);
            Assert.Equal("1", refused.Headers.GetValues("Retry-After").Single());
        }
        Assert.Equal(200, (await SignInAsync(auth, other)).Status);
        Assert.Equal(200, (await auth.SignInAsync()).Status);
        turns[0].Dispose();
        Assert.Equal(200, (await SignInAsync(auth, same)).Status);
        Assert.Equal(200, (await SignInAsync(auth, same)).Status);
    }

    [Fact]
    public async Task A_flood_from_one_address_is_refused_and_another_address_signs_in()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:hashing:workers", "1"), ("auth:hashing:queue", "5"));

        var flood = Enumerable.Range(0, 50).Select(i => SignInAsync(auth, "203.0.113.7", "nobody" + i)).ToArray();
        var other = await SignInAsync(auth, "203.0.113.8");

        Assert.Equal(200, other.Status);
        Assert.All(await Task.WhenAll(flood), reply => Assert.Contains(reply.Status, new[] { 401, 429 }));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task K_17_failures_of_users_and_clients_are_counted_for_each_address_until_the_window_has_passed(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine, ("auth:limits:failuresPerAddress", "3"));
        const string address = "203.0.113.7";
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(200, (await SignInAsync(auth, address)).Status);
            Assert.Equal(200, (await ClientAsync(auth, address, "account-service:account-secret")).Status);
        }
        var session = await SignInAsync(auth, address);
        Assert.Equal(401, (await SignInAsync(auth, address, "nobody")).Status);
        Assert.Equal(401, (await ClientAsync(auth, address, "nobody:secret")).Status);
        Assert.Equal(401, (await ClientAsync(auth, address, "account-service:wrong")).Status);

        foreach (var refused in new[] { await SignInAsync(auth, address), await ClientAsync(auth, address, "nobody:secret"), await ClientAsync(auth, address, "account-service:account-secret") })
        {
            Assert.Equal(429, refused.Status);
            Assert.Equal(TooMany, refused.Body);
            Assert.Equal("600", refused.Headers.GetValues("Retry-After").Single());
        }
        // Those who are signed in at the address stay so, and other addresses do not notice.
        Assert.Equal(200, (await SendAsync(auth, address, "browser:", ("grant_type", "refresh_token"), ("refresh_token", session.RefreshToken))).Status);
        Assert.Equal(200, (await SignInAsync(auth, "203.0.113.8")).Status);
        auth.Clock.Advance(TimeSpan.FromSeconds(599));
        Assert.Equal("1", (await SignInAsync(auth, address)).Headers.GetValues("Retry-After").Single());
        auth.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(200, (await SignInAsync(auth, address)).Status);
    }

    [Theory]
    [InlineData("account-service")]
    [InlineData("nobody")]
    public async Task K_17_many_addresses_together_do_not_guess_the_secret_of_one_client(string client)
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:limits:failuresPerClient", "3"));
        Assert.Equal(200, (await ClientAsync(auth, "203.0.113.1", "account-service:account-secret")).Status);
        for (var i = 0; i < 3; i++) Assert.Equal(401, (await ClientAsync(auth, "203.0.113." + (i + 2), client + ":wrong" + i)).Status);

        var refused = await ClientAsync(auth, "203.0.113.9", client + ":another");
        Assert.Equal(429, refused.Status);
        Assert.Equal("600", refused.Headers.GetValues("Retry-After").Single());
        // Who has shown the right secret a moment ago goes on, and so do other clients; what was refused did not count.
        Assert.Equal(200, (await ClientAsync(auth, "203.0.113.9", "account-service:account-secret")).Status);
        Assert.Equal(200, (await ClientAsync(auth, "203.0.113.9", "admin:adminsecret")).Status);
        auth.Clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(401, (await ClientAsync(auth, "203.0.113.9", client + ":another")).Status);
    }

    [Fact]
    public async Task Failures_are_counted_before_the_check()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:limits:failuresPerAddress", "3"), ("auth:hashing:perAddress", "100"));

        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => SignInAsync(auth, "203.0.113.7", "nobody" + i)));

        Assert.Equal(3, replies.Count(reply => reply.Status == 401));
        Assert.Equal(17, replies.Count(reply => reply.Status == 429));
    }

    [Fact]
    public async Task An_address_that_has_to_wait_locks_no_names()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:limits:failuresPerAddress", "1"));
        for (var i = 0; i < 6; i++) await SignInAsync(auth, "203.0.113.7", password: "wrong");

        Assert.Equal(200, (await SignInAsync(auth, "203.0.113.8")).Status);
    }

    [Fact]
    public async Task Many_addresses_take_bounded_memory()
    {
        await using var auth = await DemoAuth.StartAsync();
        var failures = new AddressFailures(auth.Clock);
        for (var i = 0; i < 200_000; i++) failures.Add((UInt128)i, 60, TimeSpan.FromMinutes(10));

        Assert.InRange(failures.Remembered, 25_000, 50_000);
        failures.TakeBack(199_999);
        Assert.Equal(TimeSpan.Zero, failures.Wait(199_999, 1, TimeSpan.FromMinutes(10)));
        Assert.Equal(TimeSpan.FromMinutes(10), failures.Wait(199_998, 1, TimeSpan.FromMinutes(10)));
    }

    private static Task<Reply> SignInAsync(DemoAuth auth, string address, string user = "demo", string password = "demo") =>
        SendAsync(auth, address, "browser:", ("grant_type", "password"), ("username", user), ("password", password));

    private static Task<Reply> ClientAsync(DemoAuth auth, string address, string basic) => SendAsync(auth, address, basic, Grant);

    private static Task<Reply> SendAsync(DemoAuth auth, string address, string basic, params (string, string)[] form)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/token")
        {
            Content = new FormUrlEncodedContent(form.Select(pair => new KeyValuePair<string, string>(pair.Item1, pair.Item2))),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
        request.Headers.Add("X-Forwarded-For", address);
        return auth.SendAsync(request);
    }
}
