using Microsoft.Extensions.Options;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Protocol;

/// <summary>
/// Options that follow the configuration. What the configuration server sends is judged before it is in force; a faulty change that comes
/// from elsewhere is refused as a whole and logged, the last good values stay.
/// </summary>
internal sealed partial class Current<T> : IConfigurationCheck where T : class, new()
{
    private readonly IConfiguration _configuration;
    private readonly string _section;
    private readonly IValidateOptions<T> _validator;
    private readonly ILogger<T> _logger;
    private volatile T _value;

    public Current(IConfiguration configuration, string section, IValidateOptions<T> validator, ILogger<T> logger)
    {
        (_configuration, _section, _validator, _logger) = (configuration, section, validator, logger);
        _value = Read(configuration);
        Microsoft.Extensions.Primitives.ChangeToken.OnChange(configuration.GetReloadToken, Reload);
    }

    public T Value => _value;

    public IReadOnlyList<string> Faults(IConfiguration configuration)
    {
        try
        {
            Read(configuration);
            return [];
        }
        catch (OptionsValidationException e)
        {
            return [.. e.Failures];
        }
    }

    private T Read(IConfiguration configuration)
    {
        var value = new T();
        try
        {
            configuration.GetSection(_section).Bind(value);
        }
        catch (InvalidOperationException e)
        {
            throw new OptionsValidationException(_section, typeof(T), [$"{e.Message} {e.InnerException?.Message}".Trim()]);
        }
        var result = _validator.Validate(null, value);
        return result.Failed ? throw new OptionsValidationException(_section, typeof(T), result.Failures) : value;
    }

    private void Reload()
    {
        try
        {
            _value = Read(_configuration);
        }
        catch (OptionsValidationException e)
        {
            Log.Refused(_logger, _section, string.Join(" ", e.Failures));
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.OptionsRefused, LogLevel.Error, "The changed configuration of {Section} is not used: {Reason}")]
        public static partial void Refused(ILogger logger, string section, string reason);
    }
}

internal static class CurrentOptions
{
    public static void AddCurrentOptions<T, TValidator>(this WebApplicationBuilder builder, string section)
        where T : class, new() where TValidator : class, IValidateOptions<T>, new()
    {
        builder.Services.AddSingleton(services => new Current<T>(
            services.GetRequiredService<IConfiguration>(), section, new TValidator(), services.GetRequiredService<ILogger<T>>()));
        builder.Services.AddSingleton<IConfigurationCheck>(services => services.GetRequiredService<Current<T>>());
        builder.Services.AddHostedService(services => new Check<T>(services.GetRequiredService<Current<T>>()));
    }

    // Reads the options before anything listens, so that a faulty configuration stops the start.
    private sealed class Check<T>(Current<T> current) : IHostedService where T : class, new()
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            GC.KeepAlive(current.Value);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
