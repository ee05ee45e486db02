using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace SecureMesh.Sdk;

/// <summary>Tokens for this service's own calls, and where those calls go.</summary>
internal static class TokensSlice
{
    private const int MaxBytes = 1 << 20;

    public static WebApplicationBuilder AddServiceTokens(this WebApplicationBuilder builder)
    {
        builder.Services.AddHttpClient(TokenRequests.Client, http => (http.Timeout, http.MaxResponseContentBufferSize) = (MeshHttp.RequestLimit, MaxBytes))
            .ConfigurePrimaryHttpMessageHandler(() => MeshHttp.Handler(traced: true))
            .RemoveAllLoggers();
        builder.Services.TryAddSingleton<TokenRequests>();
        builder.Services.TryAddSingleton<IServiceTokens, ServiceTokens>();
        builder.Services.TryAddSingleton<CallTargets>();
        return builder;
    }
}
