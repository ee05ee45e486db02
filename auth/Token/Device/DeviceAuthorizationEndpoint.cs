using Microsoft.Extensions.Options;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Token.Device;

/// <summary><c>POST /uaa/oauth/device_authorization</c> (RFC 8628 §3.1): a device without a browser asks for its codes.</summary>
internal sealed class DeviceAuthorizationEndpoint(
    ClientAuthenticator clients, DeviceAuthorizations devices, Resources known, IOptions<MeshOptions> mesh)
{
    private const string IssuerPath = "/oauth/token";

    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var form = await FormBody.ReadAsync(http.Request, cancellationToken);
        if (!form.IsSuccess) return form.Error;
        var asked = TokenRequest.ReadScopes(form.Value["scope"]);
        if (!asked.IsSuccess) return asked.Error;
        var resources = known.Read(form.Value.All("resource"));
        if (!resources.IsSuccess) return resources.Error;

        var client = await clients.AuthenticateAsync(http.Request, form.Value, allowPublic: true, cancellationToken);
        if (!client.IsSuccess) return client.Error;
        if (!client.Value.Client.GrantTypes.Contains(DeviceAuthorizations.GrantType, StringComparer.Ordinal)) return WireForm.GrantNotAllowed(standard: true);
        if (ScopePolicy.Foreign(client.Value.Client, asked.Value) is { } foreign) return foreign;

        var wanted = asked.Value.Length > 0 ? asked.Value : client.Value.Client.Scopes;
        var started = await devices.StartAsync(client.Value.Client, wanted, resources.Value, http.Connection.RemoteIpAddress, cancellationToken);
        if (!started.IsSuccess) return started.Error;
        var page = Address() + "/device";
        return new Answer(json =>
        {
            json.WriteString("device_code", started.Value.DeviceCode);
            json.WriteString("user_code", started.Value.UserCode);
            json.WriteString("verification_uri", page);
            json.WriteString("verification_uri_complete", $"{page}?user_code={started.Value.UserCode}");
            json.WriteNumber("expires_in", (long)started.Value.Lifetime.TotalSeconds);
            json.WriteNumber("interval", (long)started.Value.Interval.TotalSeconds);
        });
    }

    // From the configured issuer, never from the request.
    private string Address()
    {
        var issuer = mesh.Value.Issuer;
        return issuer.EndsWith(IssuerPath, StringComparison.Ordinal) ? issuer[..^IssuerPath.Length] : issuer.TrimEnd('/');
    }
}
