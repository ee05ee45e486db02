using System.Globalization;
using System.Text.Json;

namespace SecureMesh.Auth.Tests.Revocation;

/// <summary>One event of a stream.</summary>
internal sealed record ServerEvent(string? Id, string Name, JsonElement Data);

/// <summary>Follows the revocations as a gateway would; reads server-sent events by hand.</summary>
internal sealed class Follower : IAsyncDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly StreamReader _reader;

    private Follower(HttpResponseMessage response, StreamReader reader) => (_response, _reader) = (response, reader);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<Follower> JoinAsync(DemoAuth auth, long? after = null, string? token = null, string? lastEventId = null)
    {
        var response = await SendAsync(auth, token ?? await TokenAsync(auth), after?.ToString(CultureInfo.InvariantCulture), lastEventId);
        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.ToString());
        return new Follower(response, new StreamReader(await response.Content.ReadAsStreamAsync(Cancel)));
    }

    public static async Task<HttpResponseMessage> SendAsync(DemoAuth auth, string? token, string? after = null, string? lastEventId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "uaa/revocations" + (after is null ? "" : "?after=" + after));
        if (token is not null) request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        if (lastEventId is not null) request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        return await auth.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
    }

    public static async Task<string> TokenAsync(DemoAuth auth) =>
        (await auth.TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"), ("scope", "revocations.read"))).AccessToken;

    /// <summary>The next event; null at the end of the stream.</summary>
    public async Task<ServerEvent?> NextAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        string? id = null;
        var (name, data) = ("message", "");
        while (await _reader.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.Length == 0) return new ServerEvent(id, name, JsonDocument.Parse(data).RootElement);
            var (field, value) = (line[..line.IndexOf(": ", StringComparison.Ordinal)], line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..]);
            switch (field)
            {
                case "id": id = value; break;
                case "event": name = value; break;
                case "data": data = value; break;
                default: Assert.Fail("unknown field " + field); break;
            }
        }
        return null;
    }

    /// <summary>The next event, which must be of this name.</summary>
    public async Task<JsonElement> NextAsync(string name)
    {
        var next = await NextAsync();
        Assert.Equal(name, next?.Name);
        if (name == "revocation") Assert.Equal(next!.Data.GetProperty("sequence").GetRawText(), next.Id);
        return next!.Data;
    }

    public ValueTask DisposeAsync()
    {
        _reader.Dispose();
        _response.Dispose();
        return ValueTask.CompletedTask;
    }
}
