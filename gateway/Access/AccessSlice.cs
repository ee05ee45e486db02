using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Access;

/// <summary>From credential to principal to the route's policy.</summary>
internal static class AccessSlice
{
    /// <summary>The framework adds the authentication of every request by itself unless this key is set (WebApplicationBuilder).</summary>
    private const string AuthenticationIsPlaced = "__AuthenticationMiddlewareSet";

    public static void AddAccess(this WebApplicationBuilder builder) => builder.Services.AddAuthorization();

    /// <summary>
    /// The bearer check of the SDK, for routes with scopes alone: on a public route the service judges, and a caller must
    /// not be able to make the gateway check signatures there.
    /// </summary>
    public static void UseAccess(this WebApplication app)
    {
        ((IApplicationBuilder)app).Properties[AuthenticationIsPlaced] = true;
        app.UseWhen(
            http => http.GetEndpoint()?.Metadata.GetMetadata<Route>() is not { Public: true },
            judged => judged.UseAuthentication());
        app.UseAuthorization();
    }
}
