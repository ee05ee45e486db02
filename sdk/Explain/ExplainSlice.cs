using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Why requests were refused, for administrators.</summary>
internal static class ExplainSlice
{
    public static void AddExplain(this WebApplicationBuilder builder)
    {
        builder.Services.TryAddSingleton(services => new Explanations(services.GetRequiredService<IOptions<MeshOptions>>().Value.Explain.Kept));
        builder.Services.TryAddSingleton<ServiceRefusals>();
        builder.Services.TryAddSingleton<WhyEndpoint>();
    }
}
