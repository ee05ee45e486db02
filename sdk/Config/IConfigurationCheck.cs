using Microsoft.Extensions.Configuration;

namespace SecureMesh.Sdk;

/// <summary>
/// A part of a service that says what is wrong with a changed configuration before any of it is in force. Register it as a singleton. When
/// any check names a fault, or cannot read the configuration, the change is refused as a whole and the configuration before it goes on.
/// </summary>
public interface IConfigurationCheck
{
    /// <summary>Judges a configuration that the server sent, as it would be in force with the service's own sources around it.</summary>
    /// <param name="configuration">The whole configuration; good for this call alone.</param>
    /// <returns>Every fault, as a sentence for the operator that names the setting; empty when there is none. They are logged and shown to nobody else.</returns>
    IReadOnlyList<string> Faults(IConfiguration configuration);
}
