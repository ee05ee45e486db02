using System.Net;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Token;

/// <summary>A request to the token endpoint, read once; the grants never touch the HTTP request.</summary>
internal sealed class TokenRequest(Parameters form, IReadOnlyList<string> scopes, IReadOnlyList<string> resources, IPAddress? address)
{
    private const int LongestScope = 4096;

    /// <summary>The parameters as they came; a grant reads its own from here.</summary>
    public Parameters Form => form;

    public string GrantType => form["grant_type"]!;

    /// <summary>The requested scopes without repeats; empty means all that are possible.</summary>
    public IReadOnlyList<string> Scopes => scopes;

    /// <summary>Where the token shall be used (RFC 8707); empty means UAA's list.</summary>
    public IReadOnlyList<string> Resources => resources;

    /// <summary>Where the request comes from, as the gateway saw it.</summary>
    public IPAddress? Address => address;

    /// <summary>The token by which the caller of a <see cref="IGrant.BearerScope"/> grant showed who it is.</summary>
    public VerifiedToken? Caller { get; set; }

    /// <summary>The key or certificate that the client proved to have with this very request; null when it proved none.</summary>
    public Confirmation? Confirmation { get; set; }

    public static async Task<Result<TokenRequest, OAuthError>> ReadAsync(HttpRequest request, Resources known, CancellationToken cancellationToken)
    {
        var form = await FormBody.ReadAsync(request, cancellationToken);
        if (!form.IsSuccess) return form.Error;
        if (form.Value["grant_type"] is null) return OAuthError.InvalidRequest("Missing grant type");
        if (form.Value["token_format"] is { } format && format is not ("jwt" or "opaque")) return OAuthError.InvalidRequest("Unsupported token_format");

        var scopes = ReadScopes(form.Value["scope"]);
        if (!scopes.IsSuccess) return scopes.Error;
        var resources = known.Read(form.Value.All("resource"));
        if (!resources.IsSuccess) return resources.Error;
        return new TokenRequest(form.Value, scopes.Value, resources.Value, request.HttpContext.Connection.RemoteIpAddress);
    }

    /// <summary>A list of scopes as a request writes it, without repeats.</summary>
    public static Result<string[], OAuthError> ReadScopes(string? scope)
    {
        if (scope is { Length: > LongestScope }) return OAuthError.InvalidScope($"scope is longer than {LongestScope} characters");
        var scopes = Words.Split(scope).Distinct(StringComparer.Ordinal).ToArray();
        return scopes.FirstOrDefault(word => !Words.IsScope(word)) is { } bad
            ? OAuthError.InvalidScope($"{OAuthError.Printable(bad)} is invalid. Please use a valid scope name in the request")
            : scopes;
    }
}
