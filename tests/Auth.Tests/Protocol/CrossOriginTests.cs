using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Clients;

namespace SecureMesh.Auth.Tests.Protocol;

public sealed class CrossOriginTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Theory]
    [InlineData("uaa/oauth/token", "POST")]
    [InlineData("uaa/oauth/revoke", "POST")]
    [InlineData("uaa/userinfo", "GET, HEAD, POST")]
    public async Task X_12_pages_of_public_clients_may_call_and_no_others(string path, string methods)
    {
        var origin = $"https://spa-{Guid(path)}.example";
        await AddAsync("spa-" + Guid(path), origin + "/callback", isPublic: true);
        await AddAsync("conf-" + Guid(path), "https://conf.example/callback", isPublic: false);

        var preflight = await SendAsync(HttpMethod.Options, path, origin, "POST");
        Assert.Equal(204, preflight.Status);
        Assert.Equal(origin, Header(preflight, "Access-Control-Allow-Origin"));
        Assert.Equal(methods, Header(preflight, "Access-Control-Allow-Methods"));
        Assert.Contains("DPoP", Header(preflight, "Access-Control-Allow-Headers"), StringComparison.Ordinal);
        var call = await SendAsync(HttpMethod.Post, path, origin);
        Assert.InRange(call.Status, 400, 401);
        Assert.Equal(origin, Header(call, "Access-Control-Allow-Origin"));
        foreach (var other in new[] { "https://conf.example", "https://evil.example", origin + ".evil.example", origin.Replace("https", "http", StringComparison.Ordinal), "null", "*" })
            foreach (var reply in new[] { await SendAsync(HttpMethod.Options, path, other, "POST"), await SendAsync(HttpMethod.Post, path, other) })
                Assert.Null(Header(reply, "Access-Control-Allow-Origin"));
        foreach (var reply in new[] { preflight, call })
        {
            Assert.Null(Header(reply, "Access-Control-Allow-Credentials"));
            Assert.Contains("Origin", Header(reply, "Vary"), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("uaa/oauth/authorize")]
    [InlineData("uaa/introspect")]
    [InlineData("uaa/check_token")]
    [InlineData("uaa/login")]
    [InlineData("uaa/logout.do")]
    [InlineData("uaa/oauth/par")]
    public async Task X_12_no_page_may_read_what_is_for_browsers_or_services(string path)
    {
        var origin = $"https://spa-{Guid(path)}.example";
        await AddAsync("spa-" + Guid(path), origin + "/callback", isPublic: true);

        foreach (var method in new[] { HttpMethod.Options, HttpMethod.Get, HttpMethod.Post })
            Assert.Null(Header(await SendAsync(method, path, origin, "POST"), "Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData("uaa/token_keys")]
    [InlineData("uaa/.well-known/openid-configuration")]
    [InlineData(".well-known/oauth-authorization-server/uaa/oauth/token")]
    public async Task X_12_what_is_published_may_be_read_by_every_page(string path)
    {
        var reply = await SendAsync(HttpMethod.Get, path, "https://any.example");

        Assert.Equal("*", Header(reply, "Access-Control-Allow-Origin"));
        Assert.Null(Header(reply, "Access-Control-Allow-Credentials"));
    }

    [Theory]
    [InlineData("uaa/oauth/token")]
    [InlineData("uaa/oauth/revoke")]
    [InlineData("uaa/introspect")]
    [InlineData("uaa/oauth/par")]
    [InlineData("uaa/oauth/device_authorization")]
    public async Task X_07_only_post_is_known_there(string path)
    {
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Put, HttpMethod.Delete, HttpMethod.Options })
        {
            using var request = new HttpRequestMessage(method, path);
            var reply = await auth.SendAsync(request);
            Assert.Equal(405, reply.Status);
            Assert.Equal(["POST"], reply.Content.Allow);
        }
    }

    [Fact]
    public async Task X_12_registered_origins_stand_in_place_of_those_of_the_redirect_uris()
    {
        await AddAsync("spa-own", "https://redirect.example/callback", isPublic: true, new ClientMetadata { AllowedCorsOrigins = ["https://pages.example"] });
        await AddAsync("native-own", "http://127.0.0.1/callback", isPublic: true, new ClientMetadata { ApplicationType = "native" });

        Assert.NotNull(Header(await SendAsync(HttpMethod.Post, "uaa/oauth/token", "https://pages.example"), "Access-Control-Allow-Origin"));
        Assert.Null(Header(await SendAsync(HttpMethod.Post, "uaa/oauth/token", "https://redirect.example"), "Access-Control-Allow-Origin"));
        Assert.Null(Header(await SendAsync(HttpMethod.Post, "uaa/oauth/token", "http://127.0.0.1"), "Access-Control-Allow-Origin"));
    }

    private static string Guid(string path) => path.Replace('/', '-').Replace('.', '-').Replace('_', '-');

    private async Task AddAsync(string id, string redirect, bool isPublic, ClientMetadata? metadata = null)
    {
        var client = new Client
        {
            ZoneId = "uaa",
            Id = id,
            Name = id,
            GrantTypes = ["authorization_code"],
            Scopes = ["openid"],
            Authorities = [],
            TokenSalt = "salt",
            RedirectUris = [redirect],
            AllowPublic = isPublic,
            Metadata = metadata ?? new(),
        };
        await auth.Services.GetRequiredService<IClients>().TryAddAsync(client, default);
    }

    private static string? Header(Reply reply, string name) => reply.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;

    private async Task<Reply> SendAsync(HttpMethod method, string path, string origin, string? preflightFor = null)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.TryAddWithoutValidation("Origin", origin);
        if (preflightFor is not null) request.Headers.TryAddWithoutValidation("Access-Control-Request-Method", preflightFor);
        if (method == HttpMethod.Post) request.Content = new FormUrlEncodedContent([new("grant_type", "authorization_code")]);
        return await auth.SendAsync(request);
    }
}
