using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Limits;

internal static class LimitsSlice
{
    public static WebApplicationBuilder AddLimits(this WebApplicationBuilder builder)
    {
        builder.AddCurrentOptions<LimitsOptions, LimitsOptionsValidator>("auth:limits");
        builder.Services.AddSingleton<AddressFailures>();
        builder.Services.AddSingleton<AddressLimits>();
        return builder;
    }
}
