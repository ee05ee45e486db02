using System.Collections.Concurrent;
using System.Text.Json;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Outbound;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Clients;

/// <summary>
/// The public keys of clients, by value or from the address they registered. An address is asked when a kid is not known, at most
/// once a minute for each client, and its last good answer serves while it does not answer.
/// </summary>
internal sealed partial class ClientKeys(OutboundClient outbound, TimeProvider time, ILogger<ClientKeys> logger)
{
    private const int Most = 2000;
    private const int MostKeys = 50;
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LongestUse = TimeSpan.FromHours(24);
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };
    private readonly ConcurrentDictionary<(string Zone, string Id, string Url), Fetched> _fetched = new();

    /// <summary>The client's key of this name for this algorithm; without a name, the only key that fits.</summary>
    public async Task<VerificationKey?> FindAsync(Client client, string? kid, string algorithm, CancellationToken cancellationToken)
    {
        if (client.Metadata.Jwks is { } own) return Find(own, kid, algorithm);
        if (client.Metadata.JwksUri is not { } url) return null;
        if (_fetched.Count >= Most) _fetched.Clear();
        var fetched = _fetched.GetOrAdd((client.ZoneId, client.Id, url), _ => new Fetched());
        if (fetched.IsGood(time, Fresh) && Find(fetched.Keys, kid, algorithm) is { } known) return known;
        await RefreshAsync(fetched, client, url, cancellationToken);
        return fetched.IsGood(time, LongestUse) ? Find(fetched.Keys, kid, algorithm) : null;
    }

    /// <summary>The keys as JSON, for what compares certificates.</summary>
    public async Task<JsonElement?> AllAsync(Client client, CancellationToken cancellationToken)
    {
        if (client.Metadata.Jwks is { } own) return own;
        if (client.Metadata.JwksUri is not { } url) return null;
        var fetched = _fetched.GetOrAdd((client.ZoneId, client.Id, url), _ => new Fetched());
        if (!fetched.IsGood(time, Fresh)) await RefreshAsync(fetched, client, url, cancellationToken);
        return fetched.IsGood(time, LongestUse) ? fetched.Keys : null;
    }

    private async Task RefreshAsync(Fetched fetched, Client client, string url, CancellationToken cancellationToken)
    {
        // Who comes while another asks waits for the answer and does not ask again.
        await fetched.Turn.WaitAsync(cancellationToken);
        try
        {
            if (fetched.AskedAt is { } asked && time.GetElapsedTime(asked) < Pause) return;
            fetched.AskedAt = time.GetTimestamp();
            var answer = await outbound.GetAsync(url, cancellationToken);
            if (!answer.IsSuccess) Log.Failed(logger, client.Id, answer.Error);
            else if (answer.Value.Status != 200) Log.Failed(logger, client.Id, $"status {answer.Value.Status}");
            else if (Read(answer.Value.Body) is not { } keys) Log.Failed(logger, client.Id, "no JWK set");
            else
            {
                (fetched.Keys, fetched.FetchedAt) = (keys, time.GetTimestamp());
                Log.Fetched(logger, client.Id);
            }
        }
        finally
        {
            fetched.Turn.Release();
        }
    }

    private static JsonElement? Read(byte[] body)
    {
        try
        {
            var set = JsonDocument.Parse(body, Strict).RootElement;
            return set.ValueKind == JsonValueKind.Object && set.TryGetProperty("keys", out var keys) && keys.ValueKind == JsonValueKind.Array ? set : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: names that are no Unicode
        {
            return null;
        }
    }

    private static VerificationKey? Find(JsonElement set, string? kid, string algorithm)
    {
        if (set.ValueKind != JsonValueKind.Object || !set.TryGetProperty("keys", out var list) || list.ValueKind != JsonValueKind.Array) return null;
        var fitting = list.EnumerateArray().Take(MostKeys).Where(jwk => kid is null || jwk.Text("kid") == kid)
            .Select(jwk => VerificationKey.FromJwk(jwk, algorithm)).Where(key => key.IsSuccess).Select(key => key.Value!).ToArray();
        // Nobody tries key after key until one fits.
        return fitting.Length == 1 || (kid is not null && fitting.Length > 0) ? fitting[0] : null;
    }

    private sealed class Fetched
    {
        // Never disposed: it holds nothing until somebody asks for its handle.
        public SemaphoreSlim Turn { get; } = new(1, 1);

        public JsonElement Keys { get; set; }

        public long? FetchedAt { get; set; }

        public long? AskedAt { get; set; }

        public bool IsGood(TimeProvider time, TimeSpan age) => FetchedAt is { } at && time.GetElapsedTime(at) < age;
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.ClientKeysFetched, LogLevel.Information, "Fetched the keys of client {ClientId}")]
        public static partial void Fetched(ILogger logger, string clientId);

        [LoggerMessage(EventIds.ClientKeysFailed, LogLevel.Warning, "The keys of client {ClientId} cannot be fetched: {Reason}")]
        public static partial void Failed(ILogger logger, string clientId, string reason);
    }
}
