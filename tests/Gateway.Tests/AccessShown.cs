using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>What callers show, and what they read.</summary>
internal static class AccessShown
{
    /// <summary>A route <c>/open/…</c> and the like, to account-service and for scope <c>ui</c>.</summary>
    public static (string, string)[] Route(string name, params (string Field, string Value)[] fields) =>
    [
        ($"gateway:routes:{name}:path", $"/{name}/{{**rest}}"), ($"gateway:routes:{name}:service", "account-service"), ($"gateway:routes:{name}:scopes:0", "ui"),
        .. fields.Select(field => ($"gateway:routes:{name}:{field.Field}", field.Value)),
    ];

    public static Task<Door> OpenAsync(TestClock clock, params (string, string)[][] settings) => OpenAsync(clock, null, settings);

    public static Task<Door> OpenAsync(TestClock clock, Action<TestIssuer>? issuer, params (string, string)[][] settings) =>
        Door.OpenAsync(clock, issuer, [.. settings.SelectMany(some => some)]);

    /// <summary>An opaque token that auth stands by.</summary>
    public static string Opaque(this Door door, params (string Claim, object? Value)[] change) => door.Known("sm_at_" + Entropy.Token(), change);

    /// <summary>An API token that auth stands by.</summary>
    public static string ApiToken(this Door door, params (string Claim, object? Value)[] change) => door.Known(ApiTokenFormat.Write(Entropy.Bytes(32)), change);

    public static string Basic(string name, string password) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(name + ":" + password));

    public static async Task<HttpResponseMessage> GetAsAsync(this Door door, string path, string authorization, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Authorization", authorization);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await door.Http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    /// <summary>Asks until that is the outcome; an answer under way when a credential is revoked is cut.</summary>
    public static Task BecomesAsync(this Door door, string outcome, string path, string authorization) => Eventually.AnswersAsync(async () =>
    {
        try
        {
            return await door.GetAsAsync(path, authorization).OutcomeAsync() == outcome;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }, $"{path} answers {outcome}");

    /// <summary>Status and reason code, such as <c>401 credential_invalid</c>.</summary>
    public static async Task<string> OutcomeAsync(this Task<HttpResponseMessage> sent)
    {
        using var answer = await sent;
        if (answer.IsSuccessStatusCode) return ((int)answer.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture);
        var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
        return $"{(int)answer.StatusCode} {body.GetProperty("reason").GetString()}";
    }

    public static string Challenge(HttpResponseMessage answer) => string.Join(", ", answer.Headers.GetValues("WWW-Authenticate"));

    /// <summary>Claims of the passport that the service got.</summary>
    public static JsonElement Passport(this Backend backend)
    {
        var token = AuthenticationHeaderValue.Parse(backend.Last.Headers["Authorization"]).Parameter!;
        return JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[1])).RootElement;
    }

    private static string Known(this Door door, string token, (string Claim, object? Value)[] change)
    {
        var claims = door.Issuer.Claims([("sub", "id-of-alice"), ("user_id", "id-of-alice"), ("user_name", "alice"), ("client_id", "app"), ("scope", new[] { "ui" }), .. change]);
        door.Issuer.Auth.Opaque[token] = claims;
        return token;
    }
}
