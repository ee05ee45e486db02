using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Login;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;

namespace SecureMesh.Auth.Authorize;

/// <summary>An authorization request that its client may make, judged as the client is registered at this moment.</summary>
internal sealed record AuthorizationRequest
{
    public required Client Client { get; init; }

    /// <summary>As they came; kept, and read anew whenever the request goes on.</summary>
    public required Parameters Parameters { get; init; }

    /// <summary>SHA-256 of the <c>request_uri</c> under which the request was pushed.</summary>
    public string? PushedHash { get; init; }

    public required ResponseTarget Target { get; init; }

    /// <summary>The request named its redirect URI, so the request for the token must too (RFC 6749 §4.1.3).</summary>
    public required bool RedirectUriSent { get; init; }

    public required IReadOnlySet<string> ResponseTypes { get; init; }

    /// <summary>As asked for, without repeats; empty for all that are possible.</summary>
    public required IReadOnlyList<string> Scopes { get; init; }

    public required IReadOnlyList<string> Resources { get; init; }
    public required IReadOnlyList<string> Prompt { get; init; }
    public TimeSpan? MaxAge { get; init; }
    public string? Nonce { get; init; }
    public string? CodeChallenge { get; init; }

    /// <summary>Thumbprint of the key that the code and its tokens are bound to (RFC 9449 §10).</summary>
    public string? DpopJkt { get; init; }

    public ClaimsParameter Claims { get; init; } = ClaimsParameter.None;

    /// <summary>The user of <c>id_token_hint</c>, or the one whom <c>claims</c> demands.</summary>
    public string? HintedUserId { get; init; }

    public bool Asks(string prompt) => Prompt.Contains(prompt, StringComparer.Ordinal);

    public bool IsCode => ResponseTypes.Contains("code");
    public bool IsToken => ResponseTypes.Contains("token");
    public bool IsIdToken => ResponseTypes.Contains("id_token");
}

/// <summary>Why a request is refused, and whether the client may hear it.</summary>
/// <param name="Error">The error.</param>
/// <param name="Target">Null as long as client and redirect URI are not checked: then it is shown and never sent (RFC 6749 §4.1.2.1).</param>
internal sealed record AuthorizationFailure(OAuthError Error, ResponseTarget? Target = null) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        IResult answer = Target is null ? new ErrorPage(Error) : Target.Answer(("error", Error.Code), ("error_description", Error.Description));
        return answer.ExecuteAsync(httpContext);
    }
}

/// <summary>Parameter <c>claims</c> (OpenID Connect Core §5.5).</summary>
/// <param name="Json">As it came.</param>
/// <param name="IdToken">Names of claims wanted in the id token; they come when a granted scope allows them.</param>
/// <param name="Subject">The only user for whom the request is meant (§5.5.1).</param>
/// <param name="Acr">The only contexts that will do, when one is essential.</param>
internal sealed record ClaimsParameter(JsonElement? Json, IReadOnlyList<string> IdToken, string? Subject, IReadOnlyList<string>? Acr)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    public static ClaimsParameter None { get; } = new(null, [], null, null);

    /// <summary>Null when the text is no such object.</summary>
    public static ClaimsParameter? Parse(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, Strict);
            var json = document.RootElement.Clone();
            if (json.ValueKind != JsonValueKind.Object || !AuthorizationAttributes.IsText(json)) return null; // It is written again.
            if (!IsMember(json, "userinfo", out _) || !IsMember(json, "id_token", out var idToken)) return null;
            if (idToken.ValueKind != JsonValueKind.Object) return new ClaimsParameter(json, [], null, null);
            return new ClaimsParameter(json, [.. idToken.EnumerateObject().Select(claim => claim.Name)], Values(idToken, "sub", false)?.FirstOrDefault(), Values(idToken, "acr", true));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: an escaped half of a surrogate pair, which shows up only when it is read.
            return null;
        }
    }

    // Absent, null or an object of objects and nulls.
    private static bool IsMember(JsonElement json, string name, out JsonElement member) =>
        !json.TryGetProperty(name, out member) || member.ValueKind == JsonValueKind.Null
        || (member.ValueKind == JsonValueKind.Object && member.EnumerateObject().All(claim => claim.Value.ValueKind is JsonValueKind.Null or JsonValueKind.Object));

    private static string[]? Values(JsonElement idToken, string name, bool essentialOnly)
    {
        if (!idToken.TryGetProperty(name, out var claim) || claim.ValueKind != JsonValueKind.Object) return null;
        if (essentialOnly && !(claim.TryGetProperty("essential", out var essential) && essential.ValueKind == JsonValueKind.True)) return null;
        if (claim.TryGetProperty("value", out var value) && value.ValueKind == JsonValueKind.String) return [value.GetString()!];
        if (!claim.TryGetProperty("values", out var values) || values.ValueKind != JsonValueKind.Array) return null;
        return [.. values.EnumerateArray().Where(one => one.ValueKind == JsonValueKind.String).Select(one => one.GetString()!)];
    }
}
