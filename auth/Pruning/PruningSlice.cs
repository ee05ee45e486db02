using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Pruning;

internal static class PruningSlice
{
    public static WebApplicationBuilder AddPruning(this WebApplicationBuilder builder)
    {
        builder.AddCurrentOptions<PruningOptions, PruningOptionsValidator>("auth:pruning");
        builder.Services.AddHostedService<Pruner>();
        return builder;
    }
}
