using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace SecureMesh.Discovery.Registry;

/// <summary>
/// The settings in force. A change of the configuration replaces them whole, or not at all: a faulty one is logged and the
/// old ones stay, so that who may register is never decided by half a list.
/// </summary>
internal sealed partial class RegistrySettings : IDisposable
{
    private readonly IConfiguration _configuration;
    private readonly IValidateOptions<RegistryOptions> _validator;
    private readonly ILogger<RegistrySettings> _logger;
    private readonly IDisposable _changes;
    private RegistryOptions _current;

    public RegistrySettings(
        IOptions<RegistryOptions> atStart, IConfiguration configuration, IValidateOptions<RegistryOptions> validator, ILogger<RegistrySettings> logger)
    {
        (_configuration, _validator, _logger) = (configuration, validator, logger);
        _current = atStart.Value;
        _changes = ChangeToken.OnChange(configuration.GetReloadToken, Reload);
    }

    public RegistryOptions Current => Volatile.Read(ref _current);

    public void Dispose() => _changes.Dispose();

    private void Reload()
    {
        try
        {
            var options = _configuration.GetSection("registry").Get<RegistryOptions>() ?? new RegistryOptions();
            var verdict = _validator.Validate(null, options);
            if (verdict.Failed)
            {
                Log.Refused(_logger, verdict.FailureMessage);
                return;
            }
            Volatile.Write(ref _current, options);
            Log.Replaced(_logger);
        }
        catch (InvalidOperationException e) // a value that is not of its setting's type
        {
            Log.Refused(_logger, e.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.SettingsRefused, LogLevel.Error, "The changed settings are refused and the old ones stay: {Reason}")]
        public static partial void Refused(ILogger logger, string reason);

        [LoggerMessage(EventIds.SettingsReplaced, LogLevel.Information, "The configuration changed and was read again")]
        public static partial void Replaced(ILogger logger);
    }
}
