using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace SecureMesh.Sdk;

/// <summary>
/// How the mesh's own services prove themselves to the configuration server and the registry: HTTP Basic with wire name
/// and own secret, of which only the SHA-256 is kept here, or a bearer token for this service with scope <c>server</c>.
/// </summary>
public static class ServiceCredentials
{
    /// <summary>The authentication scheme; the caller's wire name (or client id) is the claim <c>client_id</c>.</summary>
    public const string Scheme = "MeshService";

    /// <summary>
    /// Adds the scheme; the known names are in <c>mesh:credentials</c> as <c>name:sha256hex,name:sha256hex</c>. A name may
    /// occur several times while its secret is being replaced.
    /// </summary>
    /// <param name="builder">The service's builder.</param>
    public static WebApplicationBuilder AddServiceCredentials(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddOptionsWithValidateOnStart<CredentialsOptions, CredentialsOptionsValidator>().BindConfiguration("mesh");
        builder.Services.AddSingleton<CredentialTable>();
        new AuthenticationBuilder(builder.Services).AddScheme<AuthenticationSchemeOptions, CredentialsHandler>(Scheme, null);
        return builder;
    }
}
