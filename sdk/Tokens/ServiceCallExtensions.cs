using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>Calls from one service of the mesh to another.</summary>
public static class ServiceCallExtensions
{
    /// <summary>
    /// Sends the client's requests to an instance of the service that is UP in the registry, with a client_credentials token
    /// made for that service alone. A 401 drops the token and tries once more; a refused connection tries another instance,
    /// and so does a broken one when the method is idempotent (RFC 9110 §9.2.2). Neither redirects nor cookies are followed.
    /// </summary>
    /// <param name="client">The HTTP client's builder; the client's requests use relative addresses.</param>
    /// <param name="service">Wire name of the called service.</param>
    /// <param name="scope">Scopes to ask for, or null for all.</param>
    /// <remarks>
    /// Each call may take 5 seconds, connecting 2; set <see cref="HttpClient.Timeout"/> for another limit. No token, no
    /// instance or no answer is an <see cref="HttpRequestException"/> (with the <see cref="TokenException"/> inside, if it was
    /// that), the limit a <see cref="TaskCanceledException"/>. A request that has its own <c>Authorization</c> keeps it.
    /// </remarks>
    public static IHttpClientBuilder CallsService(this IHttpClientBuilder client, string service, string? scope = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrEmpty(service);
        return client
            .ConfigureHttpClient(http => (http.BaseAddress, http.Timeout) = (new Uri("http://" + service), MeshHttp.RequestLimit))
            .ConfigurePrimaryHttpMessageHandler(() => MeshHttp.Handler(traced: true))
            .RemoveAllLoggers()
            .AddHttpMessageHandler(services => new ServiceCallHandler(
                service, scope,
                services.GetRequiredService<IServiceTokens>(),
                services.GetRequiredService<CallTargets>(),
                services.GetRequiredService<ILogger<ServiceCallHandler>>()));
    }
}
