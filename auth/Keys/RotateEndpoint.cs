using System.Text.Json;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Keys;

/// <summary>
/// <c>POST /uaa/keys/rotate</c> with a bearer token that holds <c>uaa.admin</c>. The body is empty, a form with
/// <c>emergency=true</c>, or JSON <c>{"emergency":true}</c>. Without it the next keys are announced and sign later; with it new
/// keys sign at once and the old ones are removed, with every token they signed.
/// </summary>
/// <remarks>
/// 200 <c>{"emergency":false,"keys":[{"kid":"...","alg":"ES256","state":"announced","signs_from":1790000000}],"removed":[]}</c>:
/// <c>signs_from</c> is in seconds since 1970, <c>removed</c> lists the names of keys that count no more.
/// </remarks>
internal sealed class RotateEndpoint(KeyRotation rotation, BearerAuthentication bearer, Current<RotationOptions> options)
{
    private const int MaxBytes = 1024;
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 4 };

    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var caller = await bearer.AuthenticateAsync(http, scope: "uaa.admin", cancellationToken: cancellationToken);
        if (!caller.IsSuccess) return caller.Error;
        var emergency = await EmergencyAsync(http.Request, cancellationToken);
        if (!emergency.IsSuccess) return emergency.Error;

        if (!emergency.Value) return Answered(false, await rotation.AnnounceAsync(cancellationToken), []);
        // From here on the caller's going away changes nothing: half an emergency is none.
        var (active, removed) = await rotation.ReplaceAsync(CancellationToken.None);
        return Answered(true, active, removed);
    }

    private Answer Answered(bool emergency, IReadOnlyList<StoredKey> keys, IReadOnlyList<string> removed) => new(json =>
    {
        json.WriteBoolean("emergency", emergency);
        json.WriteStartArray("keys");
        foreach (var key in keys)
        {
            json.WriteStartObject();
            json.WriteString("kid", key.Kid);
            json.WriteString("alg", key.Alg);
            json.WriteString("state", key.State);
            json.WriteNumber("signs_from", (key.ActivatedAt ?? key.CreatedAt + options.Value.AnnounceFor).ToUnixTimeSeconds());
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("removed");
        foreach (var kid in removed) json.WriteStringValue(kid);
        json.WriteEndArray();
    });

    private static async Task<Result<bool, OAuthError>> EmergencyAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.ContentType is null)
        {
            var nothing = await FormBody.BodyAsync(request, MaxBytes, cancellationToken);
            if (!nothing.IsSuccess) return nothing.Error;
            return nothing.Value.Length == 0 ? false : OAuthError.InvalidRequest("The body must be empty, a form or JSON");
        }
        if (!request.HasJsonContentType())
        {
            var form = await FormBody.ReadAsync(request, cancellationToken);
            return form.IsSuccess ? Read(form.Value["emergency"]) : form.Error;
        }
        var body = await FormBody.BodyAsync(request, MaxBytes, cancellationToken);
        if (!body.IsSuccess) return body.Error;
        try
        {
            using var document = JsonDocument.Parse(body.Value, Strict);
            if (document.RootElement.ValueKind != JsonValueKind.Object) return OAuthError.InvalidRequest("The body must be a JSON object");
            if (!document.RootElement.TryGetProperty("emergency", out var emergency)) return false;
            return emergency.ValueKind is JsonValueKind.True or JsonValueKind.False ? emergency.GetBoolean() : OAuthError.InvalidRequest("emergency must be true or false");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: names that are no Unicode
        {
            return OAuthError.InvalidRequest("The body is not JSON");
        }
    }

    private static Result<bool, OAuthError> Read(string? emergency) => emergency switch
    {
        null or "false" => false,
        "true" => true,
        _ => OAuthError.InvalidRequest("emergency must be true or false"),
    };
}
