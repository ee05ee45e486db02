namespace SecureMesh.Cli.Supervision;

/// <summary>Asks a service on this machine how it is: <c>GET /actuator/health</c>.</summary>
internal sealed class HealthProbe : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false }) { Timeout = TimeSpan.FromSeconds(5) };

    /// <returns>UP, DOWN and the like; null when nobody answers.</returns>
    public async Task<string?> AskAsync(int port, CancellationToken cancellationToken)
    {
        var answer = await GetAsync(port, "/actuator/health", cancellationToken).ConfigureAwait(false);
        return answer is null ? null : HealthAnswer.Status(answer.Value.Body) ?? $"HTTP {answer.Value.Status}";
    }

    public async Task<(int Status, string Body)?> GetAsync(int port, string path, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri($"http://127.0.0.1:{port}{path}"), cancellationToken).ConfigureAwait(false);
            return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return null;
        }
    }

    public void Dispose() => _http.Dispose();
}
