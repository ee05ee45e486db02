using System.Net.Http.Headers;
using System.Text;
using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Login;

/// <summary>What the token endpoint gave.</summary>
internal sealed class Tokens
{
    public required string AccessToken { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public string? RefreshToken { get; init; }

    public string? IdToken { get; init; }

    public string? Scope { get; init; }
}

/// <summary>A refusal of the token endpoint (RFC 6749 §5.2), told apart from a service that is away.</summary>
internal sealed record TokenRefusal(string Code, string Description, int Status);

/// <summary>Calls the token endpoint as a public client, or as one whose secret is in the environment.</summary>
internal sealed class TokenRequests(Wire wire, TimeProvider clock)
{
    private static readonly TimeSpan ShortestLife = TimeSpan.FromSeconds(1);

    public async Task<(Tokens? Tokens, TokenRefusal? Refusal)> AskAsync(
        Uri endpoint, string clientId, string? secret, IEnumerable<(string, string?)> form, CancellationToken cancellationToken)
    {
        var asked = clock.GetUtcNow();
        var basic = secret is null ? null : new AuthenticationHeaderValue("Basic", Convert.ToBase64String(
            Encoding.UTF8.GetBytes($"{Uri.EscapeDataString(clientId)}:{Uri.EscapeDataString(secret)}"))); // RFC 6749 §2.3.1
        var fields = secret is null ? form.Append(("client_id", clientId)) : form;
        var answer = await wire.PostFormAsync(endpoint, fields, basic, cancellationToken).ConfigureAwait(false);
        if (answer.IsSuccess) return (Read(answer, asked), null);
        if (answer.Status is 429 or >= 500 || answer.Text("error") is not { } code) throw Refusal.Explain(answer, token: null);
        return (null, new TokenRefusal(PlainText.Of(code), PlainText.Of(answer.Text("error_description") ?? code), answer.Status));
    }

    private Tokens Read(WireAnswer answer, DateTimeOffset asked)
    {
        var token = answer.Text("access_token");
        if (string.IsNullOrEmpty(token) || !string.Equals(answer.Text("token_type"), "bearer", StringComparison.OrdinalIgnoreCase))
            throw CommandFailure.Failed($"{wire.Target} answered without a bearer token.");
        // Counted from before the request: the token may end sooner than thought, never later.
        var life = TimeSpan.FromSeconds(Math.Clamp(answer.Json.Number("expires_in") ?? 0, 0, int.MaxValue));
        return new Tokens
        {
            AccessToken = token,
            ExpiresAt = asked + (life < ShortestLife ? ShortestLife : life),
            RefreshToken = answer.Text("refresh_token"),
            IdToken = answer.Text("id_token"),
            Scope = answer.Text("scope"),
        };
    }
}
