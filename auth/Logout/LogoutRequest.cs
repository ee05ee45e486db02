using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Logout;

/// <summary>What an application asks when it sends somebody to sign out (OpenID Connect RP-Initiated Logout §2), and what of it counts.</summary>
internal sealed record LogoutRequest
{
    /// <summary>Of a genuine id token, however old; null without one.</summary>
    public string? HintedSession { get; init; }

    public string? HintedUser { get; init; }

    /// <summary>The application: of the hint, or of <c>client_id</c>.</summary>
    public Client? Client { get; init; }

    /// <summary>The address to go to afterwards: registered for the application, letter by letter. Null for the page of ours.</summary>
    public string? Target { get; init; }

    public string? State { get; init; }

    /// <summary>True when the application proved that it knows whom it signs out.</summary>
    public bool Hinted => HintedUser is not null;

    /// <summary>Where the browser goes at the end.</summary>
    public string? Location => Target is null || State is null
        ? Target
        : $"{Target}{(Target.Contains('?', StringComparison.Ordinal) ? '&' : '?')}state={Uri.EscapeDataString(State)}";

    /// <summary>The fields that a form of ours carries on; they are judged again when it comes back.</summary>
    public IReadOnlyDictionary<string, string> Fields()
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        if (Target is null || Client is null) return fields;
        fields["client_id"] = Client.Id;
        fields["post_logout_redirect_uri"] = Target;
        if (State is not null) fields["state"] = State;
        return fields;
    }
}

/// <summary>Judges logout requests: what is doubtful is left out, and nothing unregistered is ever an address (OP-L-03 to OP-L-11, U-08, V-117).</summary>
internal sealed class LogoutRequests(OwnTokens tokens, IClients clients)
{
    private const int LongestState = 2048;

    public async Task<LogoutRequest> JudgeAsync(Parameters parameters, CancellationToken cancellationToken)
    {
        var hint = parameters["id_token_hint"];
        var claims = hint is null ? null : await HintAsync(hint, cancellationToken);
        // A hint that is not ours spoils the request: whoever made it may have made the rest too.
        if (hint is not null && claims is null) return new LogoutRequest();

        var audience = claims is { } good ? Audience(good) : null;
        var clientId = parameters["client_id"];
        if (audience is not null && clientId is not null && clientId != audience) return new LogoutRequest();
        var client = (audience ?? clientId) is { } id ? await clients.FindAsync(Zone.Default, id, cancellationToken) : null;
        if (client is not { Enabled: true }) return new LogoutRequest();

        // UAA's name for the address follows the same rule.
        var wanted = parameters["post_logout_redirect_uri"] ?? parameters["redirect"];
        var registered = wanted is not null && client.Metadata.PostLogoutRedirectUris?.Contains(wanted, StringComparer.Ordinal) == true;
        return new LogoutRequest
        {
            Client = client,
            HintedUser = claims?.Text("sub"),
            HintedSession = claims?.Text("sid"),
            Target = registered ? wanted : null,
            State = registered && parameters["state"] is { Length: <= LongestState } state ? state : null,
        };
    }

    private async Task<JsonElement?> HintAsync(string hint, CancellationToken cancellationToken)
    {
        var claims = await tokens.VerifyAsync(hint, "JWT", evenExpired: true, cancellationToken);
        return claims.IsSuccess && claims.Value.Text("token_use") == "id" && claims.Value.Text("sub") is not null ? claims.Value : null;
    }

    private static string? Audience(JsonElement claims)
    {
        if (claims.Text("azp") is { } party) return party;
        if (!claims.TryGetProperty("aud", out var audience)) return null;
        return audience.ValueKind == JsonValueKind.Array && audience.GetArrayLength() == 1 ? audience[0].GetString() : claims.Text("aud");
    }
}
