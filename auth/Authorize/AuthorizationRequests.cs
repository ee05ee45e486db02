using System.Globalization;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Authorize;

/// <summary>Judges authorization requests: the same steps at the front door, when they are pushed, and whenever they go on.</summary>
internal sealed class AuthorizationRequests(IClients clients, IdTokenHints hints, Resources known, Current<TokenOptions> options, IOptions<MeshOptions> mesh)
{
    private const int LongestState = 2048;
    private const int LongestNonce = 512;
    private static readonly string[] Prompts = ["none", "login", "consent", "select_account"];

    /// <summary>The values of <c>response_type</c> that exist here, words in any order; all but <c>code</c> need the registration for them (U-04).</summary>
    public static IReadOnlyList<string> ResponseTypes { get; } = ["code", "token", "id_token", "id_token token", "code id_token", "code token", "code id_token token"];

    /// <summary>What the metadata lists: the others are exceptions of single clients, not on offer.</summary>
    public static IReadOnlyList<string> OfferedResponseTypes { get; } = ["code"];

    public static IReadOnlyList<string> ResponseModes { get; } = ["query", "fragment", "form_post"];

    public static IReadOnlyList<string> PromptValues => Prompts;

    public async Task<Result<AuthorizationRequest, AuthorizationFailure>> ReadAsync(Parameters parameters, string? pushedHash, CancellationToken cancellationToken)
    {
        // 1. The client, known and enabled.
        if (parameters["client_id"] is not { } clientId) return Shown(OAuthError.InvalidRequest("Missing parameter: client_id"));
        var client = await clients.FindAsync(Zone.Default, clientId, cancellationToken);
        if (client is not { Enabled: true }) return Shown(OAuthError.InvalidClient($"No client with requested id: {OAuthError.Printable(clientId)}"));

        // 2. The redirect URI. Before both are good nothing is sent anywhere.
        var redirectUri = RedirectUris.Resolve(client, parameters["redirect_uri"]);
        if (!redirectUri.IsSuccess) return Shown(redirectUri.Error);
        var fapi = client.Metadata.Profile == "fapi2";
        if (fapi && parameters["redirect_uri"] is null) return Shown(OAuthError.InvalidRequest("Missing parameter: redirect_uri"));

        // 3. How to answer, an error too.
        var types = Words.Split(parameters["response_type"]).ToHashSet(StringComparer.Ordinal);
        var target = Target(client, parameters, types, redirectUri.Value);
        AuthorizationFailure Refused(OAuthError error) => new(error, target.Target);
        if (target.Error is not null) return Refused(target.Error);

        // 4. All that one looks at without knowing the person.
        if (pushedHash is null && NeedsPushing(client)) return Refused(OAuthError.InvalidRequest("This client must push its requests"));
        if (Unsupported(parameters) is { } unsupported) return Refused(unsupported);
        foreach (var (name, longest) in StoredParameters.Longest)
            if (parameters[name] is { } value && value.Length > longest) return Refused(OAuthError.InvalidRequest($"{name} is longer than {longest} characters"));
        if (Flow(client, types) is { } flow) return Refused(flow);
        if (parameters["token_format"] is not (null or "jwt" or "opaque")) return Refused(OAuthError.InvalidRequest("Unsupported token_format"));
        if (parameters["nonce"] is { Length: > LongestNonce }) return Refused(OAuthError.InvalidRequest($"nonce is longer than {LongestNonce} characters"));
        if (types.Contains("id_token") && parameters["nonce"] is null) return Refused(OAuthError.InvalidRequest("Missing parameter: nonce"));
        if (Challenge(client, types, parameters) is { } challenge) return Refused(challenge);
        var prompt = Prompt(parameters["prompt"]);
        if (!prompt.IsSuccess) return Refused(prompt.Error);
        var maxAge = MaxAge(parameters["max_age"]);
        if (!maxAge.IsSuccess) return Refused(maxAge.Error);
        var scopes = TokenRequest.ReadScopes(parameters["scope"]);
        if (!scopes.IsSuccess) return Refused(scopes.Error);
        if (ScopePolicy.Foreign(client, scopes.Value) is { } foreign) return Refused(foreign);
        var resources = known.Read(parameters.All("resource"));
        if (!resources.IsSuccess) return Refused(resources.Error);
        var claims = parameters["claims"] is { } text ? ClaimsParameter.Parse(text) : ClaimsParameter.None;
        if (claims is null) return Refused(OAuthError.InvalidRequest("claims is not a JSON object with userinfo and id_token"));
        if (parameters["dpop_jkt"] is { } jkt && !IsThumbprint(jkt)) return Refused(OAuthError.InvalidRequest("dpop_jkt is not a thumbprint"));
        if (Bound(client, parameters) is { } bound) return Refused(bound);

        // 5. Whom it is for.
        var hinted = claims.Subject;
        if (parameters["id_token_hint"] is { } hint)
        {
            var subject = await hints.SubjectAsync(hint, client.Id, cancellationToken);
            if (subject is null) return Refused(OAuthError.InvalidRequest("id_token_hint is not an id token of this issuer for this client"));
            if (hinted is not null && hinted != subject) return Refused(OAuthError.InvalidRequest("id_token_hint and claims name different users"));
            hinted = subject;
        }
        return new AuthorizationRequest
        {
            Client = client,
            Parameters = parameters,
            PushedHash = pushedHash,
            Target = target.Target,
            RedirectUriSent = parameters["redirect_uri"] is not null,
            ResponseTypes = types,
            Scopes = scopes.Value,
            Resources = resources.Value,
            Prompt = prompt.Value,
            MaxAge = maxAge.Value.Span,
            Nonce = parameters["nonce"],
            CodeChallenge = parameters["code_challenge"],
            DpopJkt = parameters["dpop_jkt"],
            Claims = claims,
            HintedUserId = hinted,
        };
    }

    private static AuthorizationFailure Shown(OAuthError error) => new(error);

    private (ResponseTarget Target, OAuthError? Error) Target(Client client, Parameters parameters, HashSet<string> types, string redirectUri)
    {
        var tokens = types.Contains("token") || types.Contains("id_token");
        var state = parameters["state"];
        // One that is too long is not cut and not sent back.
        var target = new ResponseTarget(redirectUri, tokens ? "fragment" : "query", state is { Length: > LongestState } ? null : state, mesh.Value.Issuer);
        if (target.State != state) return (target, OAuthError.InvalidRequest($"state is longer than {LongestState} characters"));
        if (parameters["response_mode"] is not { } mode) return (target, null);
        if (!ResponseModes.Contains(mode, StringComparer.Ordinal)) return (target, OAuthError.InvalidRequest("Unknown response_mode"));
        // Tokens never stand in a query, where servers log them; a code stands in a fragment only for who registered it (V-080).
        if (mode == "query" && tokens) return (target, OAuthError.InvalidRequest("response_mode query is not for tokens"));
        if (mode == "fragment" && !tokens && client.Metadata.ResponseModes?.Contains(mode, StringComparer.Ordinal) != true)
            return (target, OAuthError.InvalidRequest("response_mode fragment is not registered for this client"));
        return (target with { Mode = mode }, null);
    }

    private static OAuthError? Unsupported(Parameters parameters)
    {
        if (parameters["request"] is not null) return new OAuthError(400, "request_not_supported", "Request objects are not supported");
        if (parameters["request_uri"] is not null) return new OAuthError(400, "request_uri_not_supported", "request_uri is not supported, save that of a pushed request");
        if (parameters["registration"] is not null) return new OAuthError(400, "registration_not_supported", "Registration within a request is not supported");
        return parameters["authorization_details"] is null ? null : new OAuthError(400, "invalid_authorization_details", "No type of authorization_details is known here");
    }

    private static OAuthError? Flow(Client client, HashSet<string> types)
    {
        if (types.Count == 0) return OAuthError.InvalidRequest("Missing parameter: response_type");
        if (!ResponseTypes.Any(known => types.SetEquals(Words.Split(known)))) return new OAuthError(400, "unsupported_response_type", "Unsupported response type");
        var tokens = types.Contains("token") || types.Contains("id_token");
        return (types.Contains("code") && !Has(client, "authorization_code")) || (tokens && (client.Metadata.Profile == "fapi2" || !Has(client, "implicit")))
            ? new OAuthError(400, "unauthorized_client", "The client is not registered for this response type")
            : null;
    }

    private OAuthError? Challenge(Client client, HashSet<string> types, Parameters parameters)
    {
        var (challenge, method) = (parameters["code_challenge"], parameters["code_challenge_method"]);
        if (challenge is not null)
        {
            // Left out, the method would be plain (RFC 7636 §4.3).
            if (method != Pkce.Method) return OAuthError.InvalidRequest("code_challenge_method must be S256");
            return Pkce.IsWellFormed(challenge) ? null : OAuthError.InvalidRequest("code_challenge is malformed");
        }
        if (method is not null) return OAuthError.InvalidRequest("Missing parameter: code_challenge");
        return types.Contains("code") && Pkce.IsRequired(client, options.Value) ? OAuthError.InvalidRequest("Missing parameter: code_challenge") : null;
    }

    private bool NeedsPushing(Client client) =>
        client.Metadata.RequirePushedAuthorizationRequests || client.Metadata.Profile == "fapi2" || options.Value.RequirePushedAuthorizationRequests;

    // A code answered in the front channel alone cannot be bound later than here, when the client must bind and shows no key at PAR.
    private static OAuthError? Bound(Client client, Parameters parameters) =>
        (client.Metadata.DpopBoundAccessTokens || client.Metadata.TlsClientCertificateBoundAccessTokens)
            && Words.Split(parameters["response_type"]).Contains("token", StringComparer.Ordinal)
            ? new OAuthError(400, "unauthorized_client", "Tokens of this client are bound to a key and are not issued here")
            : null;

    private static Result<string[], OAuthError> Prompt(string? text)
    {
        var values = Words.Split(text).Distinct(StringComparer.Ordinal).ToArray();
        if (values.Any(value => !Prompts.Contains(value, StringComparer.Ordinal))) return OAuthError.InvalidRequest("Unknown prompt");
        return values.Length > 1 && values.Contains("none", StringComparer.Ordinal) ? OAuthError.InvalidRequest("prompt none stands alone") : values;
    }

    private static Result<Age, OAuthError> MaxAge(string? text)
    {
        if (text is null) return new Age(null);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? new Age(TimeSpan.FromSeconds(seconds))
            : OAuthError.InvalidRequest("max_age must be a number of seconds");
    }

    private static bool IsThumbprint(string text) => text.Length == 43 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    private static bool Has(Client client, string grant) => client.GrantTypes.Contains(grant, StringComparer.Ordinal);

    private sealed record Age(TimeSpan? Span);
}
