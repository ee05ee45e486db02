using System.Collections.Concurrent;
using System.Text.Json;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Outbound;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Token.Trust;

/// <summary>The key sets of trusted issuers: as configured, or fetched from where they are published and kept for a while.</summary>
internal sealed class TrustedKeys(OutboundClient outbound, TimeProvider time)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(5);

    // An unknown kid may be a new key; somebody who makes them up causes one call in this time, as does an issuer that does not answer.
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(30);

    // An issuer that cannot be reached is trusted by its last keys for no longer than this.
    private static readonly TimeSpan Stale = TimeSpan.FromHours(1);
    private readonly ConcurrentDictionary<string, Published> _published = new(StringComparer.Ordinal);

    /// <summary>The issuer's keys; or why there are none, for the log.</summary>
    public async Task<Result<JsonElement, string>> OfAsync(TrustedIssuer issuer, string? kid, CancellationToken cancellationToken)
    {
        if (issuer.Jwks.Length > 0) return JsonDocument.Parse(issuer.Jwks, Strict).RootElement;
        var published = _published.GetOrAdd(issuer.JwksUri, _ => new Published());
        if (Known(published.Last, kid) is { } known) return known;
        // One that does not answer keeps nobody waiting who shows an assertion of another.
        await published.Turn.WaitAsync(cancellationToken);
        try
        {
            if (Known(published.Last, kid) is { } meanwhile) return meanwhile;
            published.Last = await FetchAsync(issuer.JwksUri, published.Last, cancellationToken);
            return published.Last.Keys;
        }
        finally
        {
            published.Turn.Release();
        }
    }

    private Result<JsonElement, string>? Known(Fetched? last, string? kid)
    {
        if (last is null) return null;
        var age = last.TriedAt.Age(time);
        if (age < Again || (age < Fresh && last.Keys.IsSuccess && (kid is null || Holds(last.Keys.Value, kid)))) return last.Keys;
        return null;
    }

    private async Task<Fetched> FetchAsync(string uri, Fetched? last, CancellationToken cancellationToken)
    {
        var answer = await outbound.GetAsync(uri, cancellationToken);
        var keys = answer.IsSuccess ? Parse(answer.Value) : answer.Error;
        var now = Moment.Now(time);
        return !keys.IsSuccess && last is { Keys.IsSuccess: true } && last.FetchedAt.Age(time) < Stale ? last with { TriedAt = now } : new Fetched(keys, now, now);
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

    private sealed class Published
    {
        private volatile Fetched? _last;

        // Never disposed: it holds nothing until somebody asks for its handle.
        public SemaphoreSlim Turn { get; } = new(1, 1);

        public Fetched? Last
        {
            get => _last;
            set => _last = value;
        }
    }

    private sealed record Fetched(Result<JsonElement, string> Keys, Moment FetchedAt, Moment TriedAt);
}
