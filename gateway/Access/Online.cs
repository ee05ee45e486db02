using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>Asks auth what a token is worth now (RFC 7662), at its configured address.</summary>
internal sealed class Online(IHttpClientFactory clients, IOptionsMonitor<MeshOptions> mesh, TimeProvider time)
{
    public const string Client = "SecureMesh.Introspection";

    /// <summary>How old an answer may be where that is allowed.</summary>
    private static readonly TimeSpan _moment = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(1);
    private readonly CredentialCache<Asked> _asked = new(10_000);

    /// <summary>Why auth does not stand by the token; null when it does.</summary>
    /// <param name="shown">The token.</param>
    /// <param name="mayBeMomentsOld">True: an answer of the last seconds will do.</param>
    /// <param name="cancellationToken">The caller leaves.</param>
    public async ValueTask<Refusal?> FaultAsync(Presented shown, bool mayBeMomentsOld, CancellationToken cancellationToken)
    {
        var key = CredentialKey.Of(shown.Kind, shown.Text);
        if (mayBeMomentsOld && _asked.Find(key) is { } asked && asked.At + _moment > time.GetUtcNow()) return asked.Refusal;
        var (claims, refusal) = await AskAsync(shown.Text, cancellationToken);
        if (claims is not null || refusal!.Lasts) _asked.Add(key, new Asked(refusal, time.GetUtcNow()));
        return refusal;
    }

    /// <summary>The claims of an active token, or why there are none.</summary>
    public async Task<(JsonElement? Claims, Refusal? Refusal)> AskAsync(string token, CancellationToken cancellationToken)
    {
        var options = mesh.CurrentValue;
        if (string.IsNullOrEmpty(options.ClientSecret)) return (null, Refusal.Unavailable(_soon, "the gateway has no secret of its own at auth (MESH__CLIENTSECRET)"));
        var cause = "mesh:auth:url is empty";
        foreach (var address in options.Auth.Url.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            try
            {
                using var client = clients.CreateClient(Client);
                using var request = new HttpRequestMessage(HttpMethod.Post, address.TrimEnd('/') + "/uaa/introspect");
                request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(options.Name + ":" + options.ClientSecret)));
                request.Content = new FormUrlEncodedContent([new("token", token)]);
                using var answer = await client.SendAsync(request, cancellationToken);
                if (answer.StatusCode != HttpStatusCode.OK)
                {
                    cause = $"auth answered introspection with {(int)answer.StatusCode}";
                    continue;
                }
                using var body = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(cancellationToken));
                return body.RootElement.TryGetProperty("active", out var active) && active.ValueKind == JsonValueKind.True
                    ? (body.RootElement.Clone(), null)
                    : (null, Refusal.Invalid("auth says that the token is not active"));
            }
            catch (Exception e) when (e is HttpRequestException or JsonException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                cause = "auth does not answer introspection: " + e.Message;
            }
        }
        return (null, Refusal.Unavailable(_soon, cause));
    }

    private sealed record Asked(Refusal? Refusal, DateTimeOffset At);
}

/// <summary>Tokens that only auth can read: opaque access tokens and API tokens.</summary>
internal sealed class OpaqueCheck(Online online) : ICredentialCheck
{
    public IReadOnlyList<CredentialKind> Kinds { get; } = [CredentialKind.Opaque, CredentialKind.ApiToken];

    public Refusal? Fault(in Presented credential) => null;

    public async Task<Verdict> CheckAsync(Presented credential, IPAddress? address, CancellationToken cancellationToken)
    {
        var (claims, refusal) = await online.AskAsync(credential.Text, cancellationToken);
        if (claims is not { } known) return refusal!;
        return Caller.Of(credential.Kind, known, null, TimeSpan.Zero) is { } caller ? caller : Refusal.Invalid("auth's answer is not that of an access token");
    }
}
