using System.Net.Http.Headers;
using System.Text.Json;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Passport;

/// <summary>
/// Tells auth the public half of this instance's key before anything is signed with it, says so again before auth forgets it,
/// and withdraws it at the stop. A key that an administrator has revoked is never shown again: another one takes its place.
/// </summary>
internal sealed partial class PassportAnnouncer(
    PassportKeys keys, ITokenRevocations revocations, IServiceTokens tokens, IHttpClientFactory clients, LastGood<MeshOptions> mesh, TimeProvider time, ILogger<PassportAnnouncer> logger) : BackgroundService
{
    public const string Client = "SecureMesh.PassportKeys";
    private const string Scope = "passports.announce";
    private const string Path = "/uaa/passport_keys";

    private static readonly TimeSpan _shortestPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _forgotten = TimeSpan.FromSeconds(30);
    private volatile bool _announced;
    private bool _failing;

    /// <summary>Auth has taken the key: services can verify what it signs.</summary>
    public bool IsAnnounced => _announced;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (!_announced) return;
        try
        {
            using var answer = await SendAsync(HttpMethod.Delete, Path + "/" + keys.Current.Id, cancellationToken);
        }
        catch (Exception e) when (IsFailure(e))
        {
            Log.NotWithdrawn(logger, e.Message); // it ends by itself
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var changed = new SemaphoreSlim(0, 1);
        using var changes = revocations.OnChange(() => Signal(changed));
        var pause = _shortestPause;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (IsRevoked()) Replace();
                var lease = await AnnounceAsync(stoppingToken);
                if (!_announced || _failing) Log.Announced(logger, keys.Current.Id);
                (_announced, _failing, pause) = (true, false, _shortestPause);
                // Often: an auth whose database was restored has forgotten it, and services ask auth alone.
                await RestAsync(lease / 3 < _forgotten ? lease / 3 : _forgotten, changed, stoppingToken);
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (!_failing) Log.NotAnnounced(logger, e.Message);
                _failing = true;
                await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < _longestPause ? pause * 2 : _longestPause;
            }
        }
    }

    /// <summary>Until the next announcement is due, or the key is revoked.</summary>
    private async Task RestAsync(TimeSpan pause, SemaphoreSlim changed, CancellationToken cancellationToken)
    {
        using var due = new CancellationTokenSource(pause, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(due.Token, cancellationToken);
        try
        {
            while (!IsRevoked()) await changed.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // It is time.
        }
    }

    private static void Signal(SemaphoreSlim changed)
    {
        try
        {
            if (changed.CurrentCount == 0) changed.Release();
        }
        catch (Exception e) when (e is SemaphoreFullException or ObjectDisposedException)
        {
            // Somebody else has signalled, or the gateway stops.
        }
    }

    private bool IsRevoked() => revocations.IsRevoked(new TokenMarks("", null, null, null, null, "", keys.Current.Id, 0));

    private void Replace()
    {
        _announced = false;
        Log.Revoked(logger, keys.Current.Id);
        keys.Replace();
    }

    private async Task<TimeSpan> AnnounceAsync(CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(HttpMethod.Post, Path, cancellationToken);
        // The feed may be cut, and auth says so itself.
        if (answer.StatusCode == System.Net.HttpStatusCode.Conflict) Replace();
        if (!answer.IsSuccessStatusCode) throw new HttpRequestException($"auth answered {(int)answer.StatusCode}");
        using var body = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(cancellationToken));
        return TimeSpan.FromSeconds(Math.Clamp(body.RootElement.GetProperty("expires_in").GetInt64(), 3, 86_400));
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, CancellationToken cancellationToken)
    {
        var token = await tokens.GetTokenAsync("auth-service", Scope, cancellationToken);
        Exception? failure = null;
        foreach (var address in mesh.Value.Auth.Url.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            try
            {
                using var client = clients.CreateClient(Client);
                using var request = new HttpRequestMessage(method, address.TrimEnd('/') + path);
                if (method == HttpMethod.Post) request.Content = JsonContent.Create(keys.Current.Public);
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
                var answer = await client.SendAsync(request, cancellationToken);
                if (answer.StatusCode == System.Net.HttpStatusCode.Unauthorized) tokens.Discard(token);
                return answer;
            }
            catch (HttpRequestException e)
            {
                failure = e;
            }
        }
        throw failure ?? new HttpRequestException("mesh:auth:url is empty");
    }

    private static bool IsFailure(Exception exception) => exception is HttpRequestException or TokenException or OperationCanceledException;

    private static partial class Log
    {
        [LoggerMessage(EventIds.PassportKeyAnnounced, LogLevel.Information, "The passport key {KeyId} is announced")]
        public static partial void Announced(ILogger logger, string keyId);

        [LoggerMessage(EventIds.PassportKeyNotAnnounced, LogLevel.Warning, "The passport key could not be announced; trying again: {Cause}")]
        public static partial void NotAnnounced(ILogger logger, string cause);

        [LoggerMessage(EventIds.PassportKeyRevoked, LogLevel.Warning, "The passport key {KeyId} was revoked, or is not this gateway's to announce: a new one takes its place")]
        public static partial void Revoked(ILogger logger, string keyId);

        [LoggerMessage(EventIds.PassportKeyNotWithdrawn, LogLevel.Information, "The passport key could not be withdrawn, it ends by itself: {Cause}")]
        public static partial void NotWithdrawn(ILogger logger, string cause);
    }
}
