using System.Text.Json;
using SecureMesh.Auth.Limits;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;

namespace SecureMesh.Auth.ApiTokens;

/// <summary>
/// <c>POST /uaa/api-tokens/report</c>: a scanner of secrets, or whoever comes upon tokens, has them revoked:
/// <c>{"tokens":["smt_...","sm_rt_..."]}</c>, at most 100. Nobody need say who they are: to have a token is to be able to do worse with it.
/// The answer, <c>{"received":2}</c>, is the same for real and unknown ones.
/// </summary>
internal sealed class ReportEndpoint(TokenRevoker revoker, AddressLimits limits, Current<ApiTokenOptions> options, TimeProvider time)
{
    private const int MaxBytes = 64 * 1024;
    private const int Most = 100;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private readonly AddressFailures _reports = new(time);

    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var address = http.Connection.RemoteIpAddress;
        if (limits.Refusal(_reports, address, options.Value.ReportsPerMinute, Window) is { } refusal) return refusal;
        var body = await ApiTokenRequest.BodyAsync(http.Request, MaxBytes, cancellationToken);
        if (!body.IsSuccess) return body.Error;
        if (Tokens(body.Value) is not { } tokens) return OAuthError.InvalidRequest($"tokens must be a list of 1 to {Most} texts");
        foreach (var token in tokens.Distinct(StringComparer.Ordinal))
            await revoker.RevokeAsync(token, clientId: null, "reported as found", address, limited: false, cancellationToken); // the reporter's network is
        return new Answer(json => json.WriteNumber("received", tokens.Length));
    }

    private static string[]? Tokens(JsonElement json)
    {
        if (!json.TryGetProperty("tokens", out var list) || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() is 0 or > Most) return null;
        try
        {
            return list.EnumerateArray().All(token => token.ValueKind == JsonValueKind.String) ? [.. list.EnumerateArray().Select(token => token.GetString()!)] : null;
        }
        catch (InvalidOperationException)
        {
            // Text that is no Unicode shows up like this when it is read.
            return null;
        }
    }
}
