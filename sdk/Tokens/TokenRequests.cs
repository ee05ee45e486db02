using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Asks the token service (at its configured address, never one from the registry) for client_credentials tokens.</summary>
internal sealed class TokenRequests(IHttpClientFactory clients, IOptionsMonitor<MeshOptions> options)
{
    /// <summary>Name of the HTTP client.</summary>
    public const string Client = "SecureMesh.Tokens";

    private static readonly TimeSpan DefaultLifetime = TimeSpan.FromMinutes(1);
    private int _good;

    /// <summary>Sends the request to each address until one answers.</summary>
    /// <exception cref="TokenException">Refused, or nobody answers.</exception>
    public async Task<IssuedToken> SendAsync(string service, string? scope)
    {
        var mesh = options.CurrentValue;
        if (string.IsNullOrEmpty(mesh.ClientSecret))
            throw new TokenException("invalid_client", "mesh:clientSecret (MESH__CLIENTSECRET) is not set: this service has no credential at the token service");
        var addresses = mesh.Auth.Url.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var first = Volatile.Read(ref _good);
        var failure = new TokenException("temporarily_unavailable", "mesh:auth:url is empty");
        for (var i = 0; i < addresses.Length; i++)
        {
            var index = (first + i) % addresses.Length;
            try
            {
                var issued = await SendAsync(addresses[index], mesh, service, scope);
                Volatile.Write(ref _good, index);
                return issued;
            }
            catch (TokenException e) when (e.Error == "temporarily_unavailable")
            {
                failure = e;
            }
        }
        throw failure;
    }

    private async Task<IssuedToken> SendAsync(string address, MeshOptions mesh, string service, string? scope)
    {
        if (!Uri.TryCreate(address.TrimEnd('/') + "/uaa/oauth/token", UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            throw Unavailable("mesh:auth:url must hold absolute http or https URLs");
        using var request = new HttpRequestMessage(HttpMethod.Post, url);
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Credential(mesh.Name, mesh.ClientSecret!));
        // UAA decodes only when told so.
        request.Headers.TryAddWithoutValidation("X-CF-ENCODED-CREDENTIALS", "true");
        request.Headers.Accept.ParseAdd("application/json");
        var form = new List<KeyValuePair<string, string>> { new("grant_type", "client_credentials"), new("resource", "mesh://" + service) };
        if (!string.IsNullOrWhiteSpace(scope)) form.Add(new("scope", scope));
        request.Content = new FormUrlEncodedContent(form);
        try
        {
            using var http = clients.CreateClient(Client);
            using var response = await http.SendAsync(request);
            var body = await response.Content.ReadAsStringAsync();
            if (response.StatusCode == HttpStatusCode.OK) return Issued(body);
            if ((int)response.StatusCode is >= 400 and < 500 and not 408 and not 429 && Error(body) is { } error)
                throw new TokenException(error, $"the token service refused a token for {service}: {error}");
            throw Unavailable($"the token service answered {(int)response.StatusCode}");
        }
        catch (HttpRequestException e)
        {
            throw Unavailable($"the token service at {url.GetLeftPart(UriPartial.Authority)}: {MeshHttp.Reason(e)}", e);
        }
        catch (OperationCanceledException e)
        {
            throw Unavailable($"the token service at {url.GetLeftPart(UriPartial.Authority)}: no answer in time", e);
        }
    }

    /// <summary>Id and secret are form-encoded before they are joined (RFC 6749 §2.3.1), so either may hold a colon.</summary>
    private static string Credential(string id, string secret) =>
        Convert.ToBase64String(Encoding.UTF8.GetBytes(WebUtility.UrlEncode(id) + ":" + WebUtility.UrlEncode(secret)));

    private static IssuedToken Issued(string body)
    {
        using var json = Parse(body);
        // A token is visible ASCII (RFC 6749 §A.12); anything else would be a header of its own making.
        if (json is null || Text(json, "access_token") is not { Length: > 0 } token || token.Any(c => c is <= ' ' or > '~'))
            throw Unavailable("the token service answered without a token");
        if (Text(json, "token_type") is { } type && !type.Equals("bearer", StringComparison.OrdinalIgnoreCase))
            throw Unavailable("the token service answered with a token that is no bearer token");
        var lifetime = json.RootElement.TryGetProperty("expires_in", out var seconds) && seconds.ValueKind == JsonValueKind.Number
            && seconds.TryGetInt64(out var value) && value is > 0 and < 1L << 31 ? TimeSpan.FromSeconds(value) : DefaultLifetime;
        return new IssuedToken(token, lifetime);
    }

    /// <summary>The OAuth error code, when it is one (RFC 6749 §5.2); the description stays unread, it may repeat what was sent.</summary>
    private static string? Error(string body)
    {
        using var json = Parse(body);
        return json is not null && Text(json, "error") is { Length: > 0 and < 100 } error && error.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.') ? error : null;
    }

    private static JsonDocument? Parse(string body)
    {
        try
        {
            var json = JsonDocument.Parse(body);
            if (json.RootElement.ValueKind == JsonValueKind.Object) return json;
            json.Dispose();
        }
        catch (JsonException)
        {
            // Not JSON: handled by the caller like an object without members.
        }
        return null;
    }

    private static string? Text(JsonDocument json, string name)
    {
        try
        {
            return json.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException) // half of a surrogate pair, written as \ud800: no text
        {
            return null;
        }
    }

    private static TokenException Unavailable(string message, Exception? cause = null) => new("temporarily_unavailable", message, cause);
}

/// <summary>A token as issued; not a record, which would print it.</summary>
internal sealed class IssuedToken(string value, TimeSpan lifetime)
{
    public string Value => value;
    public TimeSpan Lifetime => lifetime;
}
