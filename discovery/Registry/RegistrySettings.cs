using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using SecureMesh.Sdk;

namespace SecureMesh.Discovery.Registry;

/// <summary>
/// The settings in force. A change of the configuration replaces them whole, or not at all: who may register is never decided
/// by half a list, nor by none, as with the framework's monitor, which has no value after a change that it refused.
/// </summary>
internal sealed class RegistrySettings : IConfigurationCheck, IDisposable
{
    private readonly IConfiguration _configuration;
    private readonly IDisposable _changes;
    private RegistryOptions _current;

    public RegistrySettings(IConfiguration configuration)
    {
        _configuration = configuration;
        _current = Read(configuration, out var fault) ?? throw new MeshStartException(fault);
        _changes = ChangeToken.OnChange(configuration.GetReloadToken, Reload);
    }

    public RegistryOptions Current => Volatile.Read(ref _current);

    public IReadOnlyList<string> Faults(IConfiguration configuration) => Read(configuration, out var fault) is null ? [fault] : [];

    public void Dispose() => _changes.Dispose();

    private void Reload()
    {
        // Whoever brought the change takes it back as a whole, and says why.
        var options = Read(_configuration, out var fault) ?? throw new OptionsValidationException("registry", typeof(RegistryOptions), [fault]);
        Volatile.Write(ref _current, options);
    }

    private static RegistryOptions? Read(IConfiguration configuration, out string fault)
    {
        try
        {
            var options = new RegistryOptions();
            configuration.GetSection("registry").Bind(options);
            fault = string.Join(' ', options.Faults());
            return fault.Length == 0 ? options : null;
        }
        catch (InvalidOperationException e) // a value that is not of its setting's type
        {
            fault = e.Message;
            return null;
        }
    }
}
