using System.Net;
using System.Net.Http.Headers;

namespace SecureMesh.Sdk;

/// <summary>The registry servers this service is configured with: the last good one first, each tried once per call.</summary>
internal sealed class RegistryConnection : IDisposable
{
    private const int MaxBytes = 64 << 20;
    private readonly HttpClient _http;
    private readonly (Uri Base, AuthenticationHeaderValue? Authorization)[] _servers;
    private int _good;

    public RegistryConnection(MeshOptions options)
    {
        _http = new HttpClient(MeshHttp.Handler()) { MaxResponseContentBufferSize = MaxBytes, Timeout = Timeout.InfiniteTimeSpan };
        _servers = [.. options.Registry.Url.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(text =>
        {
            if (!Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
                throw new MeshStartException("mesh:registry:url must hold absolute http or https URLs separated by commas, each ending in /eureka/.");
            return (BasicCredential.Strip(url), BasicCredential.For(url, options.Name, options.Secret));
        })];
        if (_servers.Length == 0) throw new MeshStartException("mesh:registry:url is empty; to live without a registry set mesh:registry:enabled=false.");
    }

    /// <summary>The server that answered last, without user info.</summary>
    public Uri Current => _servers[Volatile.Read(ref _good)].Base;

    /// <summary>Sends to each server until one gives an answer that is about the request and not about the server.</summary>
    /// <param name="create">Creates the request, with an address relative to the base.</param>
    /// <param name="limit">For each attempt.</param>
    /// <param name="onlyCurrent">Asks nobody but the last good server.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<RegistryAnswer> SendAsync(Func<HttpRequestMessage> create, TimeSpan limit, bool onlyCurrent, CancellationToken cancellationToken)
    {
        var first = Volatile.Read(ref _good);
        var refused = default(RegistryAnswer);
        var count = onlyCurrent ? 1 : _servers.Length;
        for (var i = 0; i < count; i++)
        {
            var index = (first + i) % _servers.Length;
            var answer = await SendAsync(_servers[index], create(), limit, cancellationToken);
            if (answer.Fault is null)
            {
                Volatile.Write(ref _good, index);
                return answer;
            }
            // A server that refuses this service says more than one that is down.
            if (refused?.Refused != true) refused = answer;
        }
        return refused!;
    }

    private async Task<RegistryAnswer> SendAsync(
        (Uri Base, AuthenticationHeaderValue? Authorization) server, HttpRequestMessage request, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var message = request;
        message.RequestUri = new Uri(server.Base, message.RequestUri!);
        message.Headers.Authorization = server.Authorization;
        message.Headers.Accept.ParseAdd("application/json");
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(limit);
        try
        {
            using var response = await _http.SendAsync(message, timeout.Token);
            var status = response.StatusCode;
            var body = status == HttpStatusCode.OK && message.Method == HttpMethod.Get ? await response.Content.ReadAsByteArrayAsync(timeout.Token) : [];
            var held = response.Headers.TryGetValues("Preference-Applied", out var applied) && applied.Any(value => value.Contains("wait", StringComparison.OrdinalIgnoreCase));
            return new RegistryAnswer(server.Base, status, body, response.Headers.ETag?.ToString(), held, Fault(status, message.Method));
        }
        catch (HttpRequestException e)
        {
            return RegistryAnswer.Failed(server.Base, MeshHttp.Reason(e));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return RegistryAnswer.Failed(server.Base, "no answer in time");
        }
    }

    private static string? Fault(HttpStatusCode status, HttpMethod method) => (int)status switch
    {
        >= 200 and < 300 or 304 => null,
        // 404 and 400 are answers to a renewal or registration; for a fetch there is always something to answer with.
        404 or 400 when method != HttpMethod.Get => null,
        401 => "it refused this service's secret (401): MESH__SECRET here and MESH__CREDENTIALS of the registry do not fit",
        403 when method != HttpMethod.Get => "it does not let this service register under this name (403)",
        var code => $"it answered {code}",
    };

    public void Dispose() => _http.Dispose();
}

/// <summary>One answer; <c>Fault</c> says why it is of no use.</summary>
internal sealed record RegistryAnswer(Uri Server, HttpStatusCode Status, byte[] Body, string? ETag, bool Held, string? Fault)
{
    public bool Refused => Status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;

    public bool Done => (int)Status is >= 200 and < 300;

    public static RegistryAnswer Failed(Uri server, string fault) => new(server, 0, [], null, false, fault);
}
