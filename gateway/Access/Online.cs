using System.Text.Json;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>Asks auth what a token is worth now (RFC 7662).</summary>
internal sealed class Online(AuthCalls auth, LastGood<MeshOptions> mesh, TimeProvider time) : IDisposable
{
    /// <summary>How old an answer may be where that is allowed.</summary>
    private static readonly TimeSpan _moment = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(1);
    private readonly AuthCall _introspection = new("/uaa/introspect", TimeSpan.FromSeconds(2));
    private readonly CredentialCache<Asked> _asked = new(10_000);
    private readonly Flights<CredentialKey, Refusal?> _flights = new();

    /// <summary>The addresses at which auth is asked now.</summary>
    public string AskedAt => auth.Addresses;

    /// <summary>Why auth does not stand by the token; null when it does.</summary>
    /// <param name="token">The token.</param>
    /// <param name="kind">Its kind.</param>
    /// <param name="mayBeMomentsOld">True: an answer of the last seconds will do.</param>
    /// <param name="cancellationToken">The caller leaves.</param>
    public async ValueTask<Refusal?> FaultAsync(string token, CredentialKind kind, bool mayBeMomentsOld, CancellationToken cancellationToken)
    {
        if (!mayBeMomentsOld) return (await AskAsync(token, cancellationToken)).Refusal;
        var key = CredentialKey.Of(kind, token, AskedAt).Hashed();
        if (Recent(key) is { } asked) return asked.Refusal;
        return await _flights.JoinAsync(key, async stop =>
        {
            if (Recent(key) is { } meanwhile) return meanwhile.Refusal;
            var (claims, refusal) = await AskAsync(token, stop);
            if (claims is not null || refusal!.Lasts) _asked.Add(key, new Asked(refusal, time.GetTimestamp()));
            return refusal;
        }, cancellationToken);
    }

    /// <summary>The claims of an active token, or why there are none.</summary>
    public async Task<(JsonElement? Claims, Refusal? Refusal)> AskAsync(string token, CancellationToken cancellationToken)
    {
        var options = mesh.Value;
        if (string.IsNullOrEmpty(options.ClientSecret)) return (null, Refusal.Unavailable(_soon, "the gateway has no secret of its own at auth (MESH__CLIENTSECRET)"));
        var answer = await auth.PostAsync(_introspection, (options.Name, options.ClientSecret), [new("token", token)], caller: null, cancellationToken);
        // A refusal of the gateway itself says nothing about the caller.
        if (answer.Status != 200 || answer.Body.ValueKind != JsonValueKind.Object) return (null, Refusal.Unavailable(answer.RetryAfter ?? _soon, "introspection: " + answer.Cause));
        return answer.Body.TryGetProperty("active", out var active) && active.ValueKind == JsonValueKind.True
            ? (answer.Body, null)
            : (null, Refusal.Invalid("auth says that the token is not active"));
    }

    public void Dispose() => _flights.Dispose();

    private Asked? Recent(in CredentialKey key) => _asked.Find(key) is { } asked && time.GetElapsedTime(asked.At) < _moment ? asked : null;

    private sealed record Asked(Refusal? Refusal, long At);
}
