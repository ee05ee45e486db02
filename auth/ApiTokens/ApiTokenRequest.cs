using System.Globalization;
using System.Text;
using System.Text.Json;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.ApiTokens;

/// <summary>What the maker of an API token wants.</summary>
/// <param name="Label">What it is for, in words of its owner.</param>
/// <param name="Scopes">Null: all of the token that asks.</param>
/// <param name="Lifetime">Null: as the service is set.</param>
internal sealed record ApiTokenRequest(string Label, IReadOnlyList<string>? Scopes, TimeSpan? Lifetime)
{
    private const int MaxBytes = 16 * 1024;
    private const int LongestLabel = 100;
    private const int MostScopes = 100;
    private static readonly string[] Known = ["label", "scopes", "expires_in", "expires_at"];
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    public static async Task<Result<ApiTokenRequest, OAuthError>> ReadAsync(HttpRequest request, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var body = await BodyAsync(request, MaxBytes, cancellationToken);
        if (!body.IsSuccess) return body.Error;
        try
        {
            return Read(body.Value, now);
        }
        catch (InvalidOperationException)
        {
            // Text that is no Unicode shows up like this when it is read.
            return OAuthError.InvalidRequest("The body is not JSON in UTF-8");
        }
    }

    /// <summary>The JSON object in the body of a request.</summary>
    public static async Task<Result<JsonElement, OAuthError>> BodyAsync(HttpRequest request, int maxBytes, CancellationToken cancellationToken)
    {
        if (!request.HasJsonContentType()) return OAuthError.InvalidRequest("The body must be application/json");
        var body = await FormBody.BodyAsync(request, maxBytes, cancellationToken);
        if (!body.IsSuccess) return body.Error;
        try
        {
            var json = JsonDocument.Parse(body.Value, Strict).RootElement;
            return json.ValueKind == JsonValueKind.Object ? json : OAuthError.InvalidRequest("The body must be a JSON object");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or DecoderFallbackException)
        {
            return OAuthError.InvalidRequest("The body is not JSON in UTF-8");
        }
    }

    private static Result<ApiTokenRequest, OAuthError> Read(JsonElement json, DateTimeOffset now)
    {
        foreach (var member in json.EnumerateObject())
            // Whoever names an owner, or misspells the expiry, must not believe that it was heard.
            if (!Known.Contains(member.Name, StringComparer.Ordinal)) return OAuthError.InvalidRequest($"Unknown member: {OAuthError.Printable(member.Name)}");
        if (!json.TryGetProperty("label", out var label) || label.ValueKind != JsonValueKind.String || label.GetString()!.Trim() is not { Length: > 0 and <= LongestLabel } text)
            return OAuthError.InvalidRequest($"label must be a text of 1 to {LongestLabel} characters");
        if (text.Any(char.IsControl)) return OAuthError.InvalidRequest("label must not hold control characters");
        var scopes = ReadScopes(json);
        if (!scopes.IsSuccess) return scopes.Error;
        var lifetime = ReadLifetime(json, now);
        return lifetime.IsSuccess
            ? new ApiTokenRequest(text, scopes.Value.Length == 0 ? null : scopes.Value, lifetime.Value == TimeSpan.Zero ? null : lifetime.Value)
            : lifetime.Error;
    }

    private static Result<string[], OAuthError> ReadScopes(JsonElement json)
    {
        if (!json.TryGetProperty("scopes", out var list) || list.ValueKind == JsonValueKind.Null) return Array.Empty<string>();
        string[]? scopes = list.ValueKind switch
        {
            JsonValueKind.String => Words.Split(list.GetString()),
            JsonValueKind.Array when list.EnumerateArray().All(scope => scope.ValueKind == JsonValueKind.String) => [.. list.EnumerateArray().Select(scope => scope.GetString()!)],
            _ => null,
        };
        if (scopes is null) return OAuthError.InvalidRequest("scopes must be a list of texts");
        if (scopes.FirstOrDefault(scope => !Words.IsScope(scope)) is { } bad)
            return OAuthError.InvalidScope($"{OAuthError.Printable(bad)} is invalid. Please use a valid scope name in the request");
        return scopes.Length is > 0 and <= MostScopes ? scopes.Distinct(StringComparer.Ordinal).ToArray() : OAuthError.InvalidRequest($"scopes must name 1 to {MostScopes} scopes");
    }

    private static Result<TimeSpan, OAuthError> ReadLifetime(JsonElement json, DateTimeOffset now)
    {
        var (hasSeconds, hasMoment) = (json.TryGetProperty("expires_in", out var seconds), json.TryGetProperty("expires_at", out var moment));
        if (hasSeconds && hasMoment) return OAuthError.InvalidRequest("expires_in and expires_at exclude each other");
        if (!hasSeconds && !hasMoment) return TimeSpan.Zero;
        if (hasSeconds)
            return seconds.ValueKind == JsonValueKind.Number && seconds.TryGetInt64(out var count) && count is > 0 and < 1_000_000_000
                ? TimeSpan.FromSeconds(count) : OAuthError.InvalidRequest("expires_in must be a number of seconds");
        return moment.ValueKind == JsonValueKind.String
            && DateTimeOffset.TryParse(moment.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) && at > now
                ? at - now : OAuthError.InvalidRequest("expires_at must be a time to come, as in 2030-01-31T12:00:00Z");
    }
}
