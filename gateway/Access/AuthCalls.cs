using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>Forms that the gateway sends to auth, at its configured addresses one after the other until one answers.</summary>
internal sealed class AuthCalls(IHttpClientFactory clients, LastGood<MeshOptions> mesh, TimeProvider time)
{
    public const string Client = "SecureMesh.Auth";

    /// <summary>While nobody answers, callers are not made to wait for the same silence one after the other.</summary>
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(1);

    /// <summary>Holds for every call: no address took a connection.</summary>
    private long _unreachableUntil = long.MinValue;

    /// <summary>The configured addresses as they stand there; a change is in force with the next call.</summary>
    public string Addresses => mesh.Value.Auth.Url;

    /// <summary>Sends a form.</summary>
    /// <param name="call">What is asked.</param>
    /// <param name="client">Id and secret of the client in whose name it is sent.</param>
    /// <param name="form">What is sent.</param>
    /// <param name="caller">Whose request it is for, so that auth counts failures where they come from; null when it is nobody's.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<AuthAnswer> PostAsync(
        AuthCall call, (string Id, string Secret) client, IReadOnlyList<KeyValuePair<string, string>> form, IPAddress? caller, CancellationToken cancellationToken)
    {
        if (time.GetTimestamp() < Math.Max(Volatile.Read(ref _unreachableUntil), call.SilentUntil)) return AuthAnswer.None("auth did not answer a moment ago");
        var failure = AuthAnswer.None("mesh:auth:url is empty");
        var (heard, reached) = (false, false);
        foreach (var address in Addresses.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            using var patient = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patient.CancelAfter(call.Patience);
            try
            {
                var answer = await PostAsync(address.TrimEnd('/') + call.Path, client, form, caller, patient.Token);
                heard = true;
                if (answer.Status < 500) return answer;
                failure = answer;
            }
            catch (Exception e) when (e is HttpRequestException or IOException or JsonException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                failure = AuthAnswer.None(e is OperationCanceledException ? "auth did not answer in time" : "auth does not answer: " + e.Message);
                reached |= !IsUnreachable(e, patient.Token);
            }
        }
        if (heard) return failure;
        var until = time.GetTimestamp() + (long)(_pause.TotalSeconds * time.TimestampFrequency);
        // One call without an answer says nothing about the others: a queue of passwords must not stop introspection.
        if (reached) call.SilentUntil = until;
        else Volatile.Write(ref _unreachableUntil, until);
        return failure;
    }

    /// <summary>No connection came about. Its limit is shorter than any patience, so who ran out of that was connected.</summary>
    private static bool IsUnreachable(Exception e, CancellationToken patience) => e switch
    {
        HttpRequestException failed => failed.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError,
        OperationCanceledException => !patience.IsCancellationRequested,
        _ => false,
    };

    private async Task<AuthAnswer> PostAsync(
        string url, (string Id, string Secret) client, IReadOnlyList<KeyValuePair<string, string>> form, IPAddress? caller, CancellationToken cancellationToken)
    {
        using var http = clients.CreateClient(Client);
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new FormUrlEncodedContent(form) };
        // Form-encoded before they are joined (RFC 6749 §2.3.1), so either may hold a colon; UAA decodes only when told so.
        var pair = WebUtility.UrlEncode(client.Id) + ":" + WebUtility.UrlEncode(client.Secret);
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));
        request.Headers.TryAddWithoutValidation("X-CF-ENCODED-CREDENTIALS", "true");
        request.Headers.Accept.ParseAdd("application/json");
        if (caller is not null) request.Headers.TryAddWithoutValidation("X-Forwarded-For", caller.ToString());
        using var answer = await http.SendAsync(request, cancellationToken);
        var wait = answer.Headers.RetryAfter?.Delta;
        var bytes = await answer.Content.ReadAsByteArrayAsync(cancellationToken);
        if (answer.Content.Headers.ContentType?.MediaType != "application/json") return new AuthAnswer((int)answer.StatusCode, default, wait, $"auth answered {(int)answer.StatusCode}");
        using var body = JsonDocument.Parse(bytes);
        return new AuthAnswer((int)answer.StatusCode, body.RootElement.Clone(), wait, $"auth answered {(int)answer.StatusCode}");
    }
}

/// <summary>One kind of question to auth; whoever asks it holds one.</summary>
/// <param name="path">Below the address of auth.</param>
/// <param name="patience">How long one address may take.</param>
internal sealed class AuthCall(string path, TimeSpan patience)
{
    private long _silentUntil = long.MinValue;

    public string Path => path;

    public TimeSpan Patience => patience;

    /// <summary>Until this timestamp it is not asked again.</summary>
    public long SilentUntil
    {
        get => Volatile.Read(ref _silentUntil);
        set => Volatile.Write(ref _silentUntil, value);
    }
}

/// <summary>What auth answered.</summary>
/// <param name="Status">HTTP status; 0 when nobody answered.</param>
/// <param name="Body">The JSON; undefined when there was none.</param>
/// <param name="RetryAfter">What it said about when to ask again.</param>
/// <param name="Cause">What happened, for the operator.</param>
internal readonly record struct AuthAnswer(int Status, JsonElement Body, TimeSpan? RetryAfter, string Cause)
{
    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(1);

    /// <summary>The OAuth code of a refusal (RFC 6749 §5.2).</summary>
    public string? Error => Body.ValueKind == JsonValueKind.Object ? Caller.Text(Body, "error") : null;

    public static AuthAnswer None(string cause) => new(0, default, null, cause);

    /// <summary>What the caller reads when auth has too much to do, or nothing that can be used came of it.</summary>
    public Refusal Unusable() => Status == 429
        ? Refusal.Limited(RetryAfter ?? _soon, "auth takes no more of this address for now")
        : Refusal.Unavailable(RetryAfter ?? _soon, Error is { } error ? $"{Cause} {error}" : Cause);
}
