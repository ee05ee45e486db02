using System.Net;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using SecureMesh.Sdk;

namespace SecureMesh.Discovery.Access;

/// <summary>
/// Finds the caller. A credential that is shown must be valid; without one, only the demo lets anyone on this machine in.
/// </summary>
internal sealed class RegistryScheme(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, IOptions<MeshOptions> mesh)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string Name = "Registry";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Request.Headers.Authorization.Count == 0) return mesh.Value.Demo && IsOnThisMachine() ? Ticket(new ClaimsIdentity("demo")) : AuthenticateResult.NoResult();
        var service = await Context.AuthenticateAsync(ServiceCredentials.Scheme);
        if (!service.Succeeded) return AuthenticateResult.Fail("no valid credential of a service");
        if (string.IsNullOrEmpty(service.Principal.ClientId())) return AuthenticateResult.Fail("a credential without a name");
        return AuthenticateResult.Success(new AuthenticationTicket(service.Principal, Name));
    }

    // A credential that was shown has its own answer: 401, 403 for a scope, 503 while no keys are known.
    protected override Task HandleChallengeAsync(AuthenticationProperties properties) => Context.ChallengeAsync(ServiceCredentials.Scheme);

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) => Context.ForbidAsync(ServiceCredentials.Scheme);

    /// <summary>
    /// A loopback connection that was addressed as such: a web page whose own name was rebound to 127.0.0.1 sends its name as Host.
    /// </summary>
    private bool IsOnThisMachine()
    {
        if (Context.Connection.RemoteIpAddress is not { } remote || !IPAddress.IsLoopback(remote)) return false;
        var host = Request.Host.Host.Trim('[', ']');
        return host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
    }

    private static AuthenticateResult Ticket(ClaimsIdentity identity) =>
        AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Name));
}
