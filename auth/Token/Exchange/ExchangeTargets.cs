using System.Text.RegularExpressions;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Token.Exchange;

/// <summary>Where an exchanged token shall be good (RFC 8693 §2.1), and whether the caller may ask for that: docs/decisions/0010.</summary>
internal sealed partial class ExchangeTargets(KnownClients clients)
{
    /// <summary>Authority of a client that may act as this other one.</summary>
    public const string Impersonate = "token_exchange.impersonate.";

    private const string Mesh = "mesh://";
    private const int Most = 16;

    /// <summary>The value of <c>aud</c>; or the refusal of a target.</summary>
    public async Task<Result<string[], OAuthError>> ResolveAsync(TokenRequest request, Client caller, CancellationToken cancellationToken)
    {
        string[] named = [.. request.Form.All("audience").Concat(request.Resources).Distinct(StringComparer.Ordinal)];
        if (named.Length > Most) return OAuthError.InvalidTarget($"More than {Most} targets");
        var audience = new List<string>();
        foreach (var name in named.Length > 0 ? named : [caller.Id])
        {
            var bare = name.StartsWith(Mesh, StringComparison.Ordinal) ? name[Mesh.Length..] : name;
            if (!MayReach(caller, bare)) return OAuthError.InvalidTarget("The client may not exchange tokens for this target");
            // The name of a service and that of its client are one party; which of the two it looks for in aud is its own affair.
            var isClient = bare == name && await clients.FindAsync(caller.ZoneId, bare, cancellationToken) is { Enabled: true };
            if (isClient) audience.Add(bare);
            if (ServiceName().IsMatch(bare)) audience.Add(Mesh + bare);
            else if (!isClient) return OAuthError.InvalidTarget("A target is a service, mesh:// and its name or the name alone, or a client");
        }
        return audience.Distinct(StringComparer.Ordinal).ToArray();
    }

    /// <summary>True when the token was meant for the client, or is its own.</summary>
    public static bool IsRecipient(Client caller, ShownToken token) =>
        token.Client.Id == caller.Id
        || token.Audience.Contains(caller.Id, StringComparer.Ordinal) || token.Audience.Contains(Mesh + caller.Id, StringComparer.Ordinal)
        // The gateway's audience stands for every service behind it.
        || (token.Audience.Contains("mesh://gateway", StringComparer.Ordinal) && caller.Authorities.Contains("server", StringComparer.Ordinal));

    private static bool MayReach(Client caller, string bare) =>
        bare == caller.Id
        || (caller.Metadata.TokenExchangeAudiences?.Any(allowed => allowed == bare || allowed == Mesh + bare) ?? false)
        || caller.Authorities.Contains(Impersonate + bare, StringComparer.Ordinal);

    [GeneratedRegex(@"\A[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex ServiceName();
}
