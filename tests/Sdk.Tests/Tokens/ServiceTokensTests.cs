using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Tokens;

public sealed class ServiceTokensTests : IAsyncLifetime
{
    private readonly TestClock _clock = new();
    private StubAuth _auth = null!;

    public async ValueTask InitializeAsync() => _auth = await StubAuth.StartAsync();

    public ValueTask DisposeAsync() => _auth.DisposeAsync();

    private async Task<(Service Service, IServiceTokens Tokens)> StartAsync(string? url = null, string secret = "s3cret")
    {
        var service = await Service.StartAsync(_ => { }, new Dictionary<string, string>
        {
            ["mesh:auth:url"] = url ?? _auth.Url,
            ["mesh:clientSecret"] = secret,
        }, clock: _clock);
        return (service, service.Services.GetRequiredService<IServiceTokens>());
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_token_is_asked_for_with_encoded_credentials_and_for_one_service_alone()
    {
        var (service, tokens) = await StartAsync(secret: "p:w%/+ä b");
        await using var _ = service;

        var token = await tokens.GetTokenAsync("auth-service", "server other", Cancel);

        Assert.Equal("token-1", token);
        var request = await _auth.Requests.Reader.ReadAsync(Cancel);
        // sample:p%3Aw%25%2F%2B%C3%A4+b
        Assert.Equal(("Basic c2FtcGxlOnAlM0F3JTI1JTJGJTJCJUMzJUE0K2I=", "true"), (request.Authorization, request.Encoded));
        Assert.Equal(
            new Dictionary<string, string> { ["grant_type"] = "client_credentials", ["resource"] = "mesh://auth-service", ["scope"] = "server other" }, request.Form);
    }

    [Fact]
    public async Task V_068_tokens_are_kept_for_each_service_and_scope()
    {
        var (service, tokens) = await StartAsync();
        await using var _ = service;

        string[] first = [await tokens.GetTokenAsync("a", "s", Cancel), await tokens.GetTokenAsync("b", "s", Cancel), await tokens.GetTokenAsync("a", null, Cancel)];
        string[] second = [await tokens.GetTokenAsync("a", "s", Cancel), await tokens.GetTokenAsync("b", "s", Cancel), await tokens.GetTokenAsync("a", null, Cancel)];

        Assert.Equal(["token-1", "token-2", "token-3"], first);
        Assert.Equal(first, second);
    }

    [Fact]
    public async Task Two_hundred_callers_at_once_are_one_request_and_one_that_gives_up_leaves_it_to_the_others()
    {
        var (service, tokens) = await StartAsync();
        await using var _ = service;
        _auth.Gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var impatient = new CancellationTokenSource();

        var givesUp = tokens.GetTokenAsync("a", "s", impatient.Token);
        var callers = Enumerable.Range(0, 200).Select(_ => Task.Run(() => tokens.GetTokenAsync("a", "s", Cancel))).ToArray();
        await _auth.Requests.Reader.ReadAsync(Cancel);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givesUp);
        _auth.Gate.SetResult();

        Assert.All(await Task.WhenAll(callers), token => Assert.Equal("token-1", token));
        Assert.Equal(1, _auth.Issued);
    }

    [Fact]
    public async Task A_token_is_renewed_once_in_the_background_at_four_fifths_of_its_life()
    {
        var (service, tokens) = await StartAsync();
        await using var _ = service;
        await tokens.GetTokenAsync("a", "s", Cancel);
        await _auth.Requests.Reader.ReadAsync(Cancel);
        _clock.Advance(TimeSpan.FromSeconds(479));
        Assert.Equal("token-1", await tokens.GetTokenAsync("a", "s", Cancel));
        Assert.Equal(1, _auth.Issued);

        _clock.Advance(TimeSpan.FromSeconds(1));
        _auth.Gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var during = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => tokens.GetTokenAsync("a", "s", Cancel)));
        await _auth.Requests.Reader.ReadAsync(Cancel);
        _auth.Gate.SetResult();
        await Until.TrueAsync(async () => await tokens.GetTokenAsync("a", "s", Cancel) == "token-2");

        Assert.All(during, token => Assert.Equal("token-1", token));
        Assert.Equal(2, _auth.Issued);
    }

    [Fact]
    public async Task A_token_is_never_given_out_with_less_than_thirty_seconds_to_live()
    {
        var (service, tokens) = await StartAsync();
        await using var _ = service;
        await tokens.GetTokenAsync("a", "s", Cancel);

        _clock.Advance(TimeSpan.FromSeconds(570));

        Assert.Equal("token-2", await tokens.GetTokenAsync("a", "s", Cancel));
    }

    [Fact]
    public async Task A_token_that_lives_shorter_than_the_margin_is_still_used_more_than_once()
    {
        _auth.Lifetime = 20;
        var (service, tokens) = await StartAsync();
        await using var _ = service;

        Assert.Equal("token-1", await tokens.GetTokenAsync("a", "s", Cancel));
        Assert.Equal("token-1", await tokens.GetTokenAsync("a", "s", Cancel));
        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("token-2", await tokens.GetTokenAsync("a", "s", Cancel));
    }

    [Fact]
    public async Task A_discarded_token_is_not_given_out_again_and_a_newer_one_is_left_alone()
    {
        var (service, tokens) = await StartAsync();
        await using var _ = service;
        var first = await tokens.GetTokenAsync("a", "s", Cancel);

        tokens.Discard(first);
        var second = await tokens.GetTokenAsync("a", "s", Cancel);
        tokens.Discard(first);

        Assert.Equal("token-2", second);
        Assert.Equal("token-2", await tokens.GetTokenAsync("a", "s", Cancel));
    }

    [Theory]
    [InlineData(401, """{"error":"invalid_client","error_description":"Bad credentials s3cret"}""", "invalid_client")]
    [InlineData(400, """{"error":"invalid_scope","error_description":"x"}""", "invalid_scope")]
    [InlineData(400, "not json", "temporarily_unavailable")]
    [InlineData(400, """{"error":"a\r\nb"}""", "temporarily_unavailable")]
    [InlineData(500, """{"error":"server_error"}""", "temporarily_unavailable")]
    [InlineData(429, """{"error":"slow_down"}""", "temporarily_unavailable")]
    [InlineData(302, "", "temporarily_unavailable")]
    [InlineData(200, """{"token_type":"bearer"}""", "temporarily_unavailable")]
    [InlineData(200, """{"access_token":"a\r\nX-Evil: 1","token_type":"bearer"}""", "temporarily_unavailable")]
    [InlineData(200, """{"access_token":"a","token_type":"mac"}""", "temporarily_unavailable")]
    [InlineData(200, "[]", "temporarily_unavailable")]
    public async Task A_refusal_is_an_exception_with_the_oauth_code_and_without_secrets(int status, string body, string error)
    {
        _auth.Answer = (status, body);
        var (service, tokens) = await StartAsync();
        await using var _ = service;

        var failure = await Assert.ThrowsAsync<TokenException>(() => tokens.GetTokenAsync("a", "s", Cancel));

        Assert.Equal(error, failure.Error);
        Assert.DoesNotContain("s3cret", failure.ToString());
        Assert.DoesNotContain(service.Logs, line => line.Contains("s3cret", StringComparison.Ordinal) || line.Contains("X-Evil", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_client_secret_the_setting_is_named()
    {
        var (service, tokens) = await StartAsync(secret: "");
        await using var _ = service;

        var failure = await Assert.ThrowsAsync<TokenException>(() => tokens.GetTokenAsync("a", "s", Cancel));

        Assert.Equal("invalid_client", failure.Error);
        Assert.Contains("MESH__CLIENTSECRET", failure.Message);
    }

    [Fact]
    public async Task A_dead_token_service_is_left_alone_for_a_moment_and_found_again()
    {
        await _auth.StopAsync();
        var (service, tokens) = await StartAsync();
        await using var _ = service;
        var first = await Assert.ThrowsAsync<TokenException>(() => tokens.GetTokenAsync("a", "s", Cancel));
        await _auth.RestartAsync();
        var second = await Assert.ThrowsAsync<TokenException>(() => tokens.GetTokenAsync("a", "s", Cancel));

        Assert.Equal(("temporarily_unavailable", "temporarily_unavailable"), (first.Error, second.Error));
        Assert.Equal(0, _auth.Issued);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("token-1", await tokens.GetTokenAsync("a", "s", Cancel));
    }

    [Fact]
    public async Task A_clock_that_is_set_back_prolongs_neither_the_pause_nor_a_token()
    {
        await _auth.StopAsync();
        var (service, tokens) = await StartAsync();
        await using var _ = service;
        await Assert.ThrowsAsync<TokenException>(() => tokens.GetTokenAsync("a", "s", Cancel));
        await _auth.RestartAsync();

        _clock.SetBack(TimeSpan.FromHours(1));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("token-1", await tokens.GetTokenAsync("a", "s", Cancel));

        _clock.SetBack(TimeSpan.FromHours(1));
        _clock.Advance(TimeSpan.FromSeconds(570));
        Assert.Equal("token-2", await tokens.GetTokenAsync("a", "s", Cancel));
    }

    [Fact]
    public async Task A_good_token_serves_on_while_its_renewal_fails()
    {
        var (service, tokens) = await StartAsync();
        await using var _ = service;
        await tokens.GetTokenAsync("a", "s", Cancel);
        await _auth.StopAsync();
        _clock.Advance(TimeSpan.FromSeconds(500));

        Assert.Equal("token-1", await tokens.GetTokenAsync("a", "s", Cancel));
        await service.Logs.HasLineAsync("No token for a");
        Assert.Equal("token-1", await tokens.GetTokenAsync("a", "s", Cancel));
    }

    [Fact]
    public async Task The_second_address_serves_when_the_first_is_dead()
    {
        var dead = await StubAuth.StartAsync();
        await dead.StopAsync();
        var (service, tokens) = await StartAsync(dead.Url + ", " + _auth.Url + "/");
        await using var _ = service;

        Assert.Equal("token-1", await tokens.GetTokenAsync("a", "s", Cancel));
    }

    [Fact]
    public async Task No_token_is_ever_in_the_log()
    {
        var (service, tokens) = await StartAsync();
        await using var _ = service;

        var token = await tokens.GetTokenAsync("a", "s", Cancel);
        tokens.Discard(token);
        await tokens.GetTokenAsync("a", "s", Cancel);

        Assert.Equal("token-1", token);
        Assert.DoesNotContain(service.Logs, line => line.Contains("token-", StringComparison.Ordinal));
        Assert.DoesNotContain("token-", tokens.ToString());
    }
}
