
namespace SecureMesh.Gateway.Forwarding;

/// <summary>From the gateway to a service and back.</summary>
internal static class ForwardingSlice
{
    public static void AddForwarding(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptionsWithValidateOnStart<ForwardingOptions, ForwardingOptionsValidator>().BindConfiguration("gateway");
        builder.Services.AddHttpForwarder();
        builder.Services.AddSingleton<ForwardingClient>();
        builder.Services.AddSingleton<Retries>();
        builder.Services.AddSingleton<Relay>();
        builder.Services.AddSingleton<Forwarder>();
        builder.Services.AddSingleton<Passage>();
        builder.Services.AddSingleton<InFlight>();
        builder.Services.AddHostedService(services => services.GetRequiredService<InFlight>());
        // The proxy writes each forwarded address with its query, which may hold secrets; Forwarder logs what matters.
        builder.Logging.AddFilter("Yarp.ReverseProxy", LogLevel.Warning).AddFilter("Yarp.ReverseProxy.Forwarder", LogLevel.None);
    }
}
