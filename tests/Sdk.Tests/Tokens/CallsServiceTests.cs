using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Tokens;

public sealed class CallsServiceTests : IAsyncLifetime
{
    private StubAuth _auth = null!;

    public async ValueTask InitializeAsync() => _auth = await StubAuth.StartAsync();

    public ValueTask DisposeAsync() => _auth.DisposeAsync();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private async Task<(Service Service, HttpClient Orders)> StartAsync(params string[] instances)
    {
        var service = await Service.StartAsync(_ => { }, new Dictionary<string, string>
        {
            ["mesh:auth:url"] = _auth.Url,
            ["mesh:clientSecret"] = "s3cret",
            ["mesh:registry:static:orders"] = string.Join(',', instances),
        }, builder => builder.Services.AddHttpClient("orders").CallsService("orders", "server"));
        return (service, service.Services.GetRequiredService<IHttpClientFactory>().CreateClient("orders"));
    }

    /// <summary>An address where nobody listens.</summary>
    private static string Dead()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
    }

    [Fact]
    public async Task A_call_goes_to_an_instance_with_a_token_for_that_service_and_carries_the_trace()
    {
        await using var orders = await Callee.StartAsync();
        var (service, client) = await StartAsync(orders.Url);
        await using var _ = service;
        using var activity = new System.Diagnostics.Activity("test").SetIdFormat(System.Diagnostics.ActivityIdFormat.W3C).Start();

        using var answer = await client.PostAsJsonAsync("/a/b?c=d%2Fe", new { n = 1 }, Cancel);

        var seen = await orders.Requests.Reader.ReadAsync(Cancel);
        Assert.Equal(("POST", "/a/b?c=d%2Fe", "Bearer token-1", """{"n":1}"""), (seen.Method, seen.Path, seen.Authorization, seen.Body));
        Assert.Contains(activity.TraceId.ToHexString(), seen.TraceParent);
        Assert.Equal("mesh://orders", (await _auth.Requests.Reader.ReadAsync(Cancel)).Form["resource"]);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public void A_clock_that_is_set_back_avoids_no_instance_for_longer()
    {
        var clock = new TestClock();
        var settings = new Dictionary<string, string?> { ["mesh:registry:static:orders"] = "http://one:80,http://two:80" };
        using var registry = new ServiceRegistry(new ConfigurationBuilder().AddInMemoryCollection(settings).Build(), clock, NullLogger<ServiceRegistry>.Instance);
        var targets = new CallTargets(registry, clock);
        targets.Failed(new Uri("http://one:80"));

        clock.SetBack(TimeSpan.FromHours(1));
        Assert.All(Enumerable.Range(0, 4), _ => Assert.Equal("two", targets.Next("orders", [])!.Host));
        clock.Advance(TimeSpan.FromSeconds(11));

        Assert.Contains(Enumerable.Range(0, 4), _ => targets.Next("orders", [])!.Host == "one");
    }

    [Fact]
    public async Task Instances_take_turns()
    {
        await using var one = await Callee.StartAsync();
        await using var two = await Callee.StartAsync();
        var (service, client) = await StartAsync(one.Url, two.Url);
        await using var _ = service;

        for (var i = 0; i < 10; i++) (await client.GetAsync("/", Cancel)).Dispose();

        Assert.Equal((5, 5), (one.Requests.Reader.Count, two.Requests.Reader.Count));
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    public async Task A_dead_instance_is_passed_over_whatever_the_method_and_then_avoided(string method)
    {
        await using var alive = await Callee.StartAsync();
        var (service, client) = await StartAsync(Dead(), alive.Url);
        await using var _ = service;

        for (var i = 0; i < 6; i++)
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), "/");
            using var answer = await client.SendAsync(request, Cancel);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        Assert.Equal(6, alive.Requests.Reader.Count);
        Assert.Single(service.Logs, line => line.Contains("does not answer", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_connection_that_breaks_before_the_answer_is_tried_elsewhere_only_for_idempotent_requests()
    {
        await using var breaks = await Callee.StartAsync();
        await using var alive = await Callee.StartAsync();
        breaks.Breaks = true;
        var (service, client) = await StartAsync(breaks.Url);
        await using var _ = service;
        var (service2, client2) = await StartAsync(breaks.Url, alive.Url);
        await using var __ = service2;

        await Assert.ThrowsAsync<HttpRequestException>(() => client.PostAsync("/", new StringContent("once"), Cancel));
        Assert.Equal(1, breaks.Requests.Reader.Count);
        for (var i = 0; i < 4; i++)
        {
            using var answer = await client2.PutAsync("/", new StringContent("again"), Cancel);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        Assert.Equal(4, alive.Requests.Reader.Count);
        Assert.Equal("again", (await alive.Requests.Reader.ReadAsync(Cancel)).Body);
    }

    [Fact]
    public async Task A_401_fetches_one_fresh_token_and_sends_the_same_body_once_more()
    {
        await using var orders = await Callee.StartAsync();
        orders.Refuses = "Bearer token-1";
        var (service, client) = await StartAsync(orders.Url);
        await using var _ = service;

        using var answer = await client.PostAsJsonAsync("/", new { n = 1 }, Cancel);

        var first = await orders.Requests.Reader.ReadAsync(Cancel);
        var second = await orders.Requests.Reader.ReadAsync(Cancel);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(("Bearer token-1", """{"n":1}"""), (first.Authorization, first.Body));
        Assert.Equal(("Bearer token-2", """{"n":1}"""), (second.Authorization, second.Body));
    }

    [Fact]
    public async Task A_second_401_is_the_answer()
    {
        await using var orders = await Callee.StartAsync();
        orders.Refuses = "Bearer";
        var (service, client) = await StartAsync(orders.Url);
        await using var _ = service;

        using var answer = await client.GetAsync("/", Cancel);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal(2, orders.Requests.Reader.Count);
        Assert.Equal(2, _auth.Issued);
    }

    [Fact]
    public async Task Without_an_instance_the_message_says_so()
    {
        var (service, client) = await StartAsync();
        await using var _ = service;
        var (service2, client2) = await StartAsync(Dead());
        await using var __ = service2;

        var nobody = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync("/", Cancel));
        var dead = await Assert.ThrowsAsync<HttpRequestException>(() => client2.GetAsync("/", Cancel));

        Assert.Equal("no instance of orders is registered as UP", nobody.Message);
        Assert.Equal("no instance of orders answers (1 tried)", dead.Message);
        Assert.Equal(HttpRequestError.ConnectionError, dead.HttpRequestError);
    }

    [Fact]
    public async Task Without_a_token_nothing_is_sent_and_the_cause_is_inside()
    {
        await using var orders = await Callee.StartAsync();
        _auth.Answer = (401, """{"error":"invalid_client"}""");
        var (service, client) = await StartAsync(orders.Url);
        await using var _ = service;

        var failure = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync("/", Cancel));

        Assert.Equal("invalid_client", Assert.IsType<TokenException>(failure.InnerException).Error);
        Assert.Equal(0, orders.Requests.Reader.Count);
    }

    [Fact]
    public async Task The_token_goes_to_no_other_name()
    {
        await using var other = await Callee.StartAsync();
        var (service, client) = await StartAsync(other.Url);
        await using var _ = service;

        await Assert.ThrowsAsync<InvalidOperationException>(() => client.GetAsync(new Uri(other.Url + "/"), Cancel));

        Assert.Equal((0, 0), (other.Requests.Reader.Count, _auth.Issued));
    }

    [Fact]
    public async Task Redirects_are_answers_and_cookies_are_not_kept()
    {
        await using var orders = await Callee.StartAsync();
        (orders.Location, orders.Cookie) = ("/elsewhere", "a=b");
        var (service, client) = await StartAsync(orders.Url);
        await using var _ = service;

        using var answer = await client.GetAsync("/", Cancel);
        using var second = await client.GetAsync("/", Cancel);

        Assert.Equal(HttpStatusCode.Found, answer.StatusCode);
        Assert.Equal("", (await orders.Requests.Reader.ReadAsync(Cancel)).Cookie);
        Assert.Equal("", (await orders.Requests.Reader.ReadAsync(Cancel)).Cookie);
        Assert.Equal(0, orders.Requests.Reader.Count);
    }

    [Fact]
    public async Task A_request_with_its_own_credential_keeps_it_and_a_401_is_the_answer()
    {
        await using var orders = await Callee.StartAsync();
        orders.Refuses = "Bearer caller";
        var (service, client) = await StartAsync(orders.Url);
        await using var _ = service;
        using var request = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { Authorization = new("Bearer", "caller") } };

        using var answer = await client.SendAsync(request, Cancel);

        Assert.Equal((HttpStatusCode.Unauthorized, 0, 1), (answer.StatusCode, _auth.Issued, orders.Requests.Reader.Count));
    }

    [Fact]
    public async Task V_067_of_a_thousand_calls_for_two_users_and_for_the_service_itself_each_carries_its_own_token()
    {
        await using var orders = await Callee.StartAsync();
        var (service, kept) = await StartAsync(orders.Url);
        await using var _ = service;
        var clients = service.Services.GetRequiredService<IHttpClientFactory>();
        string[] tokens = ["token-of-alice", "token-of-bob", "token-1"];

        await Parallel.ForEachAsync(Enumerable.Range(0, 1000), new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Cancel }, async (number, stop) =>
        {
            // One client for all, as a singleton holds it, and one for each call: both share the connections.
            var client = number / 3 % 2 == 0 ? kept : clients.CreateClient("orders");
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/{number}");
            if (number % 3 < 2) request.Headers.Authorization = new("Bearer", tokens[number % 3]);
            using var answer = await client.SendAsync(request, stop);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        });

        var seen = new List<Callee.Seen>();
        while (orders.Requests.Reader.TryRead(out var request)) seen.Add(request);
        Assert.Equal(1000, seen.Count);
        Assert.All(seen, request => Assert.Equal("Bearer " + tokens[int.Parse(request.Path[1..], CultureInfo.InvariantCulture) % 3], request.Authorization));
    }

    private sealed class Callee : IAsyncDisposable
    {
        private WebApplication _app = null!;

        public string Url { get; private set; } = "";
        public bool Breaks { get; set; }
        public string? Refuses { get; set; }
        public string? Location { get; set; }
        public string? Cookie { get; set; }

        public Channel<Seen> Requests { get; } = Channel.CreateUnbounded<Seen>();

        public sealed record Seen(string Method, string Path, string Authorization, string Body, string TraceParent, string Cookie);

        public static async Task<Callee> StartAsync()
        {
            var callee = new Callee();
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.Zero);
            callee._app = builder.Build();
            callee._app.Map("/{**path}", callee.AnswerAsync);
            callee._app.Urls.Add("http://127.0.0.1:0");
            await callee._app.StartAsync(Cancel);
            callee.Url = callee._app.Urls.First();
            return callee;
        }

        private async Task AnswerAsync(HttpContext http)
        {
            using var reader = new StreamReader(http.Request.Body);
            var seen = new Seen(http.Request.Method, http.Request.Path + http.Request.QueryString, http.Request.Headers.Authorization.ToString(),
                await reader.ReadToEndAsync(), http.Request.Headers.TraceParent.ToString(), http.Request.Headers.Cookie.ToString());
            Requests.Writer.TryWrite(seen);
            if (Breaks)
            {
                http.Abort();
                return;
            }
            if (Cookie is not null) http.Response.Headers.SetCookie = Cookie;
            if (Location is not null)
            {
                http.Response.Headers.Location = Location;
                http.Response.StatusCode = 302;
            }
            if (Refuses is { } refused && seen.Authorization.StartsWith(refused, StringComparison.Ordinal)) http.Response.StatusCode = 401;
        }

        public async ValueTask DisposeAsync() => await _app.DisposeAsync();
    }
}
