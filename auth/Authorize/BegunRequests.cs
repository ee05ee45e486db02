using SecureMesh.Auth.Limits;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Authorize;

/// <summary>What anybody may have stored without saying who he is: each request that is begun takes a row for a while.</summary>
internal sealed class BegunRequests(AddressLimits limits, Current<AuthorizeOptions> options, TimeProvider time)
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private readonly AddressFailures _begun = new(time);

    /// <summary>Counts one more; why the address may not begin it, null when it may.</summary>
    public OAuthError? Refusal(HttpContext http) => limits.Refusal(_begun, http.Connection.RemoteIpAddress, options.Value.PerAddress, Window);
}
