using SecureMesh.Gateway.Destinations;

namespace SecureMesh.Gateway.Routes;

/// <summary>Reads the section <c>gateway:services</c>: what holds for all routes to a service.</summary>
internal static class ServiceReader
{
    private const int MostInFlight = 1_000_000;

    public static Dictionary<string, ServiceSettings> Read(IConfiguration configuration, List<string> faults)
    {
        var services = new Dictionary<string, ServiceSettings>(StringComparer.Ordinal);
        foreach (var section in configuration.GetSection("gateway:services").GetChildren())
        {
            var fields = new Fields(section, faults);
            fields.Know(["retryBudget", "maxInFlight", "http2"], "is no setting of a service");
            var most = (int)fields.Number("maxInFlight", ServiceSettings.Default.MaxInFlight, MostInFlight, $"a number of requests, 1 to {MostInFlight}");
            if (most == 0) fields.Fault("maxInFlight", $"must be a number of requests, 1 to {MostInFlight}, not '0'");
            services[section.Key] = new ServiceSettings
            {
                RetryBudget = (int)fields.Number("retryBudget", ServiceSettings.Default.RetryBudget, 100, "retries to a hundred requests, 0 to 100"),
                MaxInFlight = most,
                Http2 = fields["http2"] is null ? null : fields.Flag("http2"),
            };
        }
        return services;
    }
}
