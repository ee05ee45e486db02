namespace SecureMesh.Gateway.Destinations;

/// <summary>Where a service is, and which of its instances gets a request.</summary>
internal static class DestinationsSlice
{
    public static void AddDestinations(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<InstanceLists>();
        builder.Services.AddSingleton<Balancer>();
        builder.Services.AddSingleton<Outliers>();
        builder.Services.AddHostedService<InstanceUpdates>();
        builder.Services.AddHealthChecks().AddCheck<DestinationHealth>("destinations");
    }
}
