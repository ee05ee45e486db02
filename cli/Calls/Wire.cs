using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using SecureMesh.Cli.Login;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Calls;

/// <summary>Connections to one mesh: no redirects, no cookies, and nothing to any other host.</summary>
internal sealed class Wire : IDisposable
{
    private const int MaxAnswerBytes = 4 * 1024 * 1024;
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);
    private static readonly ProductInfoHeaderValue _agent = new("securemesh-cli", typeof(Wire).Assembly.GetName().Version!.ToString(3));

    private readonly HttpClient _http;
    private readonly TimeProvider _clock;

    public Wire(Target target, TimeProvider clock)
    {
        Target = target;
        _clock = clock;
        var handler = new SocketsHttpHandler
        {
            // A redirect would carry the token to an address that nobody named.
            AllowAutoRedirect = false,
            UseCookies = false,
            // A proxy has no business with what stays on this machine, and would read it.
            UseProxy = !target.IsLocal,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = ConnectLimit,
            ActivityHeadersPropagator = null,
        };
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = MaxAnswerBytes };
    }

    public Target Target { get; }

    public void Dispose() => _http.Dispose();

    /// <summary>Sends a request; returns as soon as the answer's head is there.</summary>
    /// <exception cref="CommandFailure">The mesh cannot be reached.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!Target.Owns(request.RequestUri!)) throw new InvalidOperationException("not an address of the target");
        if (request.Headers.UserAgent.Count == 0) request.Headers.UserAgent.Add(_agent);
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            throw Away(e);
        }
    }

    /// <summary>Sends a request whose answer is small, and reads it whole.</summary>
    public Task<WireAnswer> AskAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Headers.Accept.Add(new("application/json"));
        return WithinAsync(
            async cancel =>
            {
                using var response = await SendAsync(request, cancel).ConfigureAwait(false);
                return await WireAnswer.ReadAsync(response, cancel).ConfigureAwait(false);
            },
            cancellationToken);
    }

    /// <summary>Bounds what is no download, and tells a mesh that does not answer from a person who gave up.</summary>
    public async Task<T> WithinAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(AnswerLimit, _clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await ask(both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw CommandFailure.Unreachable($"{Target} did not answer within {AnswerLimit.TotalSeconds:0} seconds.", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Away(e);
        }
    }

    public async Task<WireAnswer> GetAsync(Uri address, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        return await AskAsync(request, cancellationToken).ConfigureAwait(false);
    }

    public async Task<WireAnswer> PostFormAsync(
        Uri address, IEnumerable<(string Name, string? Value)> form, AuthenticationHeaderValue? authorization, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address);
        request.Content = new FormUrlEncodedContent(form.Where(f => f.Value is not null).Select(f => KeyValuePair.Create(f.Name, f.Value!)));
        request.Headers.Authorization = authorization;
        return await AskAsync(request, cancellationToken).ConfigureAwait(false);
    }

    public CommandFailure Away(Exception cause)
    {
        var reason = cause switch
        {
            HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => "its name cannot be resolved",
            HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } e => "no TLS connection: " + PlainText.Of(e.InnerException?.Message ?? e.Message),
            HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError, InnerException: System.Net.Sockets.SocketException e } => PlainText.Of(e.Message),
            HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } => "its answer is too large",
            _ => "the connection broke",
        };
        var advice = Target.IsLocal ? " Is the mesh running? ./mesh up starts it; --url or MESH_URL names another one." : "";
        return CommandFailure.Unreachable($"{Target} cannot be reached ({reason}).{advice}", cause);
    }
}

/// <summary>An answer read whole.</summary>
internal sealed class WireAnswer
{
    public required int Status { get; init; }

    public required Challenge? Challenge { get; init; }

    public required TimeSpan? RetryAfter { get; init; }

    public required byte[] Body { get; init; }

    /// <summary>The body when it is a JSON object, else an undefined element.</summary>
    public required JsonElement Json { get; init; }

    public bool IsSuccess => Status is >= 200 and < 300;

    public static async Task<WireAnswer> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await response.Content.LoadIntoBufferAsync(MaxBufferBytes, cancellationToken).ConfigureAwait(false);
        return Of(response, await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false));
    }

    public static WireAnswer Of(HttpResponseMessage response, byte[] body) => new()
    {
        Status = (int)response.StatusCode,
        Challenge = Challenge.Of(response),
        RetryAfter = response.Headers.RetryAfter?.Delta,
        Body = body,
        Json = Parse(body),
    };

    /// <summary>A text member, or null when it is missing or of another kind.</summary>
    public string? Text(string member) => Json.Text(member);

    private const long MaxBufferBytes = 4 * 1024 * 1024;

    private static JsonElement Parse(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return default; // HTML of a proxy, or nothing: the status says enough
        }
    }
}

/// <summary>Reads members of JSON that another program wrote: what is missing or of another kind is null.</summary>
internal static class JsonMembers
{
    public static string? Text(this JsonElement json, string member) =>
        json.Get(member) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    public static long? Number(this JsonElement json, string member) =>
        json.Get(member) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt64(out var number) ? number : null;

    public static IReadOnlyList<string> Texts(this JsonElement json, string member) =>
        json.Get(member) is { ValueKind: JsonValueKind.Array } array
            ? [.. array.EnumerateArray().Where(e => e.ValueKind == JsonValueKind.String).Select(e => e.GetString()!)]
            : [];

    public static JsonElement? Get(this JsonElement json, string member) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(member, out var value) ? value : null;
}
