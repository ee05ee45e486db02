using Microsoft.Extensions.Configuration;

namespace SecureMesh.Sdk;

/// <summary>The configuration server's values among the service's other sources; replaced as a whole.</summary>
internal sealed class ConfigProvider : ConfigurationProvider, IConfigurationSource
{
    // One provider for life: the configuration manager builds its sources again whenever their list changes.
    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    public override string ToString() => "configuration server";

    /// <summary>Puts other values in force and tells everyone who watches.</summary>
    /// <exception cref="AggregateException">Someone who watches threw; the values are in force all the same.</exception>
    public void Replace(IDictionary<string, string?> values)
    {
        Data = values;
        OnReload();
    }

    /// <summary>The values in force.</summary>
    public IDictionary<string, string?> Values => Data;
}
