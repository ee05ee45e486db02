using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Http.Headers;

namespace SecureMesh.Sdk;

/// <summary>Asks a Spring Cloud Config server for one service's environment.</summary>
internal sealed class ConfigClient : IDisposable
{
    private const int MaxBytes = 8 << 20;
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(30);
    private readonly HttpClient _http;
    private readonly Uri _request;
    private readonly AuthenticationHeaderValue? _authorization;
    private readonly string _name;

    public ConfigClient(MeshOptions options)
    {
        var config = options.Config;
        if (!Uri.TryCreate(config.Url, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            throw new MeshStartException("mesh:config:url (MESH__CONFIG__URL) must be an absolute http or https URL; to live without a configuration server set mesh:config:enabled=false.");
        _name = options.Name;
        _authorization = BasicCredential.For(url, options.Name, options.Secret);
        Address = BasicCredential.Strip(url);
        var path = $"{Uri.EscapeDataString(options.Name)}/{Uri.EscapeDataString(config.Profile)}";
        // A slash in a label is written (_), as the protocol asks.
        if (!string.IsNullOrEmpty(config.Label)) path += "/" + Uri.EscapeDataString(config.Label.Replace("/", "(_)", StringComparison.Ordinal));
        _request = new Uri(Address.AbsoluteUri.TrimEnd('/') + "/" + path);
        _http = new HttpClient(MeshHttp.Handler()) { MaxResponseContentBufferSize = MaxBytes, Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>The server, without user info.</summary>
    public Uri Address { get; }

    /// <summary>Fetches the environment.</summary>
    /// <param name="etag">The version already here; the server need not send it again.</param>
    /// <param name="hold">Lets the server hold the request until there is another version (RFC 7240 <c>wait</c>).</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<ConfigAnswer> FetchAsync(string? etag, bool hold, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(hold ? Wait + MeshHttp.RequestLimit : MeshHttp.RequestLimit);
        using var request = new HttpRequestMessage(HttpMethod.Get, _request);
        request.Headers.Authorization = _authorization;
        request.Headers.Accept.ParseAdd("application/json");
        if (etag is not null) request.Headers.TryAddWithoutValidation("If-None-Match", etag);
        if (etag is not null && hold) request.Headers.TryAddWithoutValidation("Prefer", $"wait={Wait.TotalSeconds}");
        try
        {
            using var response = await _http.SendAsync(request, limit.Token);
            var held = response.Headers.TryGetValues("Preference-Applied", out var applied) && applied.Any(value => value.Contains("wait", StringComparison.OrdinalIgnoreCase));
            var tag = response.Headers.ETag?.ToString();
            if (response.StatusCode == HttpStatusCode.NotModified) return new ConfigAnswer { Held = held, ETag = tag ?? etag };
            if (response.StatusCode != HttpStatusCode.OK) return ConfigAnswer.Failed(Reason(response.StatusCode));
            var text = await response.Content.ReadAsStringAsync(limit.Token);
            return ConfigEnvironment.TryParse(text, out var environment, out var fault)
                ? new ConfigAnswer { Held = held, ETag = tag, Text = text, Environment = environment }
                : ConfigAnswer.Failed(fault!);
        }
        catch (HttpRequestException e)
        {
            return ConfigAnswer.Failed(MeshHttp.Reason(e));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return ConfigAnswer.Failed("no answer in time");
        }
    }

    public void Dispose() => _http.Dispose();

    private string Reason(HttpStatusCode status) => status switch
    {
        HttpStatusCode.Unauthorized => $"it refused the secret of {_name} (401): MESH__SECRET of this service and MESH__CREDENTIALS of the server do not fit",
        HttpStatusCode.Forbidden => $"it does not let {_name} read this configuration (403)",
        HttpStatusCode.NotFound => "it does not know this label (404): check mesh:config:label",
        _ => $"it answered {(int)status}",
    };
}

/// <summary>What came of one request: a fault, an environment, or neither when nothing changed (304).</summary>
internal sealed record ConfigAnswer
{
    public string? Fault { get; private init; }
    public string? Text { get; init; }
    public ConfigEnvironment? Environment { get; init; }
    public string? ETag { get; init; }

    /// <summary>The server held the request until something changed, so it need not be polled.</summary>
    public bool Held { get; init; }

    [MemberNotNullWhen(true, nameof(Environment), nameof(Text))]
    public bool HasEnvironment => Environment is not null && Text is not null;

    public static ConfigAnswer Failed(string fault) => new() { Fault = fault };
}
