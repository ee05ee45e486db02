namespace SecureMesh.Gateway.Limits;

/// <summary>How many requests whoever may make on a route.</summary>
internal static class LimitsSlice
{
    public static void AddLimits(this WebApplicationBuilder builder) => builder.Services.AddSingleton<RequestLimits>();
}
