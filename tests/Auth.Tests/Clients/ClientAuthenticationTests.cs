using System.Net.Http.Headers;
using System.Text;

namespace SecureMesh.Auth.Tests.Clients;

public sealed class ClientAuthenticationTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private static readonly (string, string)[] Password = [("grant_type", "password"), ("username", "demo"), ("password", "demo")];

    [Fact]
    public async Task An_empty_secret_authenticates_by_header_and_by_form()
    {
        Assert.Equal(200, (await auth.TokenAsync("browser:", Password)).Status);
        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/token", null, [.. Password, ("client_id", "browser"), ("client_secret", "")])).Status);
    }

    [Theory]
    [InlineData("browser:anything")]
    [InlineData("account-service:")]
    [InlineData("account-service:wrong")]
    [InlineData("mesh-cli:")]
    [InlineData("gateway:")]
    [InlineData("nobody:")]
    [InlineData("nobody:secret")]
    [InlineData("no-colon")]
    public async Task A_04_every_wrong_credential_gets_one_answer(string basic)
    {
        var reply = await auth.TokenAsync(basic, Password);

        Assert.Equal(401, reply.Status);
        Assert.Equal("""{"error":"invalid_client","error_description":"Bad credentials"}""", reply.Body);
        Assert.Equal("""Basic realm="UAA/client", error="unauthorized", error_description="Bad credentials" """.Trim(), reply.Challenge);
    }

    [Fact]
    public async Task A_03_a_confidential_client_without_credentials_is_not_public()
    {
        var reply = await auth.PostAsync("uaa/oauth/token", null, [("client_id", "account-service"), ("grant_type", "client_credentials")]);

        Assert.Equal(401, reply.Status);
        Assert.Equal("invalid_client", reply.Text("error"));
    }

    [Fact]
    public async Task A_03_two_ways_at_once_are_refused()
    {
        var reply = await auth.TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"), ("client_id", "account-service"), ("client_secret", "account-secret"));

        Assert.Equal(400, reply.Status);
        Assert.Equal("invalid_request", reply.Text("error"));
    }

    [Fact]
    public async Task A_03_a_client_id_in_the_form_must_be_that_of_the_header()
    {
        Assert.Equal(200, (await auth.TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"), ("client_id", "account-service"))).Status);
        var reply = await auth.TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"), ("client_id", "admin"));
        Assert.Equal(401, reply.Status);
        Assert.Equal("""{"error":"invalid_client","error_description":"Given client ID does not match authenticated client"}""", reply.Body);
    }

    [Fact]
    public async Task U_02_secrets_are_read_encoded_and_raw()
    {
        const string secret = "50%41+a b:c\u00fc";
        await auth.AddClientAsync("encoded", secret);
        (string, string)[] grant = [("grant_type", "client_credentials")];

        Assert.Equal(200, (await auth.TokenAsync("encoded:" + Uri.EscapeDataString(secret), grant)).Status);
        Assert.Equal(200, (await auth.TokenAsync("encoded:" + secret, grant)).Status);
        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/token", null, [.. grant, ("client_id", "encoded"), ("client_secret", secret)])).Status);
        // What the raw text decodes to is another secret.
        Assert.Equal(401, (await auth.TokenAsync("encoded:50A a b:c\u00fc", grant)).Status);
    }

    [Fact]
    public async Task U_02_a_client_that_says_it_encodes_is_read_encoded_only()
    {
        await auth.AddClientAsync("says", "100%25");

        Assert.Equal(200, (await SendAsync("says:100%2525", "true")).Status);
        Assert.Equal(401, (await SendAsync("says:100%25", "true")).Status);
        Assert.Equal(200, (await SendAsync("says:100%25", null)).Status);
    }

    [Fact]
    public async Task T_05_two_secrets_are_live_until_the_older_one_ends()
    {
        await auth.AddClientAsync("rotating", "newer", older: "older", olderEnds: auth.Clock.GetUtcNow().AddHours(1));
        (string, string)[] grant = [("grant_type", "client_credentials")];

        Assert.Equal(200, (await auth.TokenAsync("rotating:newer", grant)).Status);
        Assert.Equal(200, (await auth.TokenAsync("rotating:older", grant)).Status);
        auth.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(200, (await auth.TokenAsync("rotating:newer", grant)).Status);
        Assert.Equal(401, (await auth.TokenAsync("rotating:older", grant)).Status);
    }

    [Fact]
    public async Task A_remembered_secret_is_forgotten_with_the_stored_one()
    {
        await auth.AddClientAsync("changed", "before");
        (string, string)[] grant = [("grant_type", "client_credentials")];
        Assert.Equal(200, (await auth.TokenAsync("changed:before", grant)).Status);
        await auth.ExecuteAsync("UPDATE clients SET secret_hash = (SELECT secret_hash FROM clients WHERE client_id = 'admin') WHERE client_id = 'changed'");

        Assert.Equal(401, (await auth.TokenAsync("changed:before", grant)).Status);
        Assert.Equal(200, (await auth.TokenAsync("changed:adminsecret", grant)).Status);
    }

    [Theory]
    [InlineData("Basic  YnJvd3Nlcjo=")]
    [InlineData("Basic YnJvd3 Nlcjo=")]
    [InlineData("Basic !!!")]
    [InlineData("Basic ")]
    [InlineData("Basic //8=")]
    public async Task X_08_a_malformed_header_is_refused(string header)
    {
        Assert.Equal(401, (await SendHeaderAsync(header)).Status);
    }

    [Fact]
    public async Task X_08_the_scheme_is_compared_without_regard_to_case()
    {
        Assert.Equal(200, (await SendHeaderAsync("bASIC YnJvd3Nlcjo=")).Status);
    }

    private async Task<Reply> SendAsync(string basic, string? encoded)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/token") { Content = new FormUrlEncodedContent([new("grant_type", "client_credentials")]) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
        if (encoded is not null) request.Headers.Add("X-CF-ENCODED-CREDENTIALS", encoded);
        return await auth.SendAsync(request);
    }

    private async Task<Reply> SendHeaderAsync(string header)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/token")
        {
            Content = new FormUrlEncodedContent(Password.Select(pair => new KeyValuePair<string, string>(pair.Item1, pair.Item2))),
        };
        request.Headers.TryAddWithoutValidation("Authorization", header);
        return await auth.SendAsync(request);
    }
}
