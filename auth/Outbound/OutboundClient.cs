using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Outbound;

/// <summary>Finds the addresses of a host name.</summary>
internal delegate Task<IPAddress[]> HostLookup(string host, CancellationToken cancellationToken);

/// <summary>What an address that somebody registered answered.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Body">At most 64 KiB.</param>
internal sealed record OutboundAnswer(int Status, byte[] Body);

/// <summary>
/// The only way to call an address that a client or peer registered (V-112). The name is resolved once, every address that is not
/// public is refused, and the connection goes to the address that was judged: what the name resolves to a moment later does not
/// matter. No redirects, no proxy, no cookies, 64 KiB, 5 seconds; TLS unless a setting lists the address.
/// </summary>
internal sealed class OutboundClient : IDisposable
{
    private const int MaxBytes = 64 * 1024;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private readonly Current<OutboundOptions> _options;
    private readonly bool _demo;
    private readonly HostLookup _lookup;
    private readonly HttpClient _http;

    public OutboundClient(Current<OutboundOptions> options, IOptions<MeshOptions> mesh, HostLookup lookup)
    {
        (_options, _demo, _lookup) = (options, mesh.Value.Demo, lookup);
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = Limit,
            ConnectCallback = ConnectAsync,
            // A connection is used for one request: the next one is judged anew.
            PooledConnectionLifetime = TimeSpan.Zero,
            MaxResponseHeadersLength = 16,
            ActivityHeadersPropagator = null,
        })
        {
            Timeout = Limit,
            MaxResponseContentBufferSize = MaxBytes,
            DefaultRequestVersion = HttpVersion.Version11,
        };
    }

    /// <summary>Fetches a JSON document.</summary>
    /// <returns>The answer, or why there is none, for the log.</returns>
    public Task<Result<OutboundAnswer, string>> GetAsync(string url, CancellationToken cancellationToken) => SendAsync(HttpMethod.Get, url, null, cancellationToken);

    /// <summary>Posts a form, for example a logout token.</summary>
    public Task<Result<OutboundAnswer, string>> PostFormAsync(string url, IEnumerable<KeyValuePair<string, string>> form, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, url, new FormUrlEncodedContent(form), cancellationToken);

    /// <summary>Why the URL cannot be called, whatever its name resolves to; null when it may be tried. For registrations.</summary>
    public static string? Fault(string url) =>
        !Uri.TryCreate(url, UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp) ? "not an absolute http or https URL"
        : uri.UserInfo.Length > 0 ? "with user information"
        : uri.Fragment.Length > 0 || url.Contains('#', StringComparison.Ordinal) ? "with a fragment"
        : null;

    private async Task<Result<OutboundAnswer, string>> SendAsync(HttpMethod method, string url, HttpContent? content, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, (Uri?)null) { Content = content };
        if (Fault(url) is { } fault) return fault;
        request.RequestUri = new Uri(url);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseContentRead, cancellationToken);
            return new OutboundAnswer((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(cancellationToken));
        }
        catch (HttpRequestException e)
        {
            return Refused(e) ?? (e.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded ? "the answer is too large" : $"no answer ({e.HttpRequestError})");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "no answer in time";
        }
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var host = context.DnsEndPoint.Host;
        var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await _lookup(host, cancellationToken);
        var secure = context.InitialRequestMessage.RequestUri!.Scheme == Uri.UriSchemeHttps;
        // One address that is not allowed spoils the name: a public one beside it is how a guard is led astray.
        if (addresses.Length == 0 || !addresses.All(address => IsAllowed(address, secure))) throw new RefusedAddressException();
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private bool IsAllowed(IPAddress address, bool secure)
    {
        var plain = SpecialAddresses.Plain(address);
        if (_demo && IPAddress.IsLoopback(plain)) return true;
        foreach (var text in _options.Value.Networks())
            if (OutboundOptions.TryParse(text, out var network) && network.Contains(plain)) return true;
        return secure && !SpecialAddresses.Contains(address);
    }

    private static string? Refused(Exception? e) =>
        e is null ? null : e is RefusedAddressException ? "the address is not allowed (auth:outbound:allow)" : Refused(e.InnerException);

    public void Dispose() => _http.Dispose();

    private sealed class RefusedAddressException : IOException;
}
