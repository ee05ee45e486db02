using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Which tokens have ended before they expire.</summary>
internal static class RevocationsSlice
{
    public static void AddRevocations(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<MeshOptions>, RevocationOptionsValidator>());
        services.TryAddSingleton<ITokenRevocations, TokenRevocations>();
        services.TryAddSingleton<RevocationsConnection>();
        services.TryAddSingleton<RevokedTokens>();
        services.AddHostedService<RevocationsFollower>();
        services.AddHealthChecks().AddCheck<RevocationsHealth>("revocations");
    }
}
