using System.Collections.Concurrent;
using System.Text.Json;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Outbound;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Token.Trust;

/// <summary>The key sets of trusted issuers: as configured, or fetched from where they are published and kept for a while.</summary>
internal sealed class TrustedKeys(OutboundClient outbound, TimeProvider time) : IDisposable
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(5);

    // An unknown kid may be a new key; somebody who makes them up causes one call in this time.
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(30);

    // An issuer that cannot be reached is trusted by its last keys for no longer than this.
    private static readonly TimeSpan Stale = TimeSpan.FromHours(1);
    private readonly ConcurrentDictionary<string, Fetched> _fetched = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _one = new(1);

    /// <summary>The issuer's keys; or why there are none, for the log.</summary>
    public async Task<Result<JsonElement, string>> OfAsync(TrustedIssuer issuer, string? kid, CancellationToken cancellationToken)
    {
        if (issuer.Jwks.Length > 0) return JsonDocument.Parse(issuer.Jwks, Strict).RootElement;
        if (Known(issuer.JwksUri, kid) is { } known) return known;
        await _one.WaitAsync(cancellationToken);
        try
        {
            return Known(issuer.JwksUri, kid) ?? await FetchAsync(issuer.JwksUri, cancellationToken);
        }
        finally
        {
            _one.Release();
        }
    }

    private JsonElement? Known(string uri, string? kid)
    {
        if (!_fetched.TryGetValue(uri, out var last)) return null;
        var age = time.GetUtcNow() - last.TriedAt;
        return age < Again || (age < Fresh && (kid is null || Holds(last.Keys, kid))) ? last.Keys : null;
    }

    private async Task<Result<JsonElement, string>> FetchAsync(string uri, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var answer = await outbound.GetAsync(uri, cancellationToken);
        var keys = answer.IsSuccess ? Parse(answer.Value) : answer.Error;
        if (keys.IsSuccess) _fetched[uri] = new Fetched(keys.Value, now, now);
        else if (_fetched.TryGetValue(uri, out var last) && now - last.FetchedAt < Stale)
        {
            _fetched[uri] = last with { TriedAt = now };
            return last.Keys;
        }
        return keys;
    }

    private static Result<JsonElement, string> Parse(OutboundAnswer answer)
    {
        if (answer.Status != 200) return $"the issuer's keys were answered with {answer.Status}";
        try
        {
            var keys = JsonDocument.Parse(answer.Body, Strict).RootElement;
            return keys.ValueKind == JsonValueKind.Object && keys.Has("keys") ? keys : "the issuer's keys are no JWK set";
        }
        catch (JsonException)
        {
            return "the issuer's keys are no JSON";
        }
    }

    private static bool Holds(JsonElement keySet, string kid) =>
        keySet.TryGetProperty("keys", out var keys) && keys.ValueKind == JsonValueKind.Array && keys.EnumerateArray().Any(key => key.Text("kid") == kid);

    public void Dispose() => _one.Dispose();

    private sealed record Fetched(JsonElement Keys, DateTimeOffset FetchedAt, DateTimeOffset TriedAt);
}
