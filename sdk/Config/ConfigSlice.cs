using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.CommandLine;
using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>The configuration client: fetched before the host is built, followed while it runs.</summary>
internal static class ConfigSlice
{
    public static WebApplicationBuilder AddConfigClient(this WebApplicationBuilder builder)
    {
        MeshDuration.UseInBinder();
        builder.Services.AddSingleton<IConfigurationCheck>(services => new OptionsCheck(builder.Services, services));
        var options = Read(builder.Configuration);
        if (!options.Config.Enabled) return builder;
        var state = new ConfigState(builder.Configuration, new ConfigClient(options), new KeptConfiguration(options));
        var sources = builder.Configuration.Sources;
        sources.Insert(Place(sources), state.Provider);

        ILoggerFactory? early = null;
        ILogger Log() => (early ??= LoggerFactory.Create(logging => logging.AddJsonLines())).CreateLogger(typeof(ConfigStart).FullName!);
        try
        {
            // No handler of SIGTERM is in place yet, so the signal ends a waiting start at once.
            Task.Run(() => new ConfigStart(state, options.Config, Log, TimeProvider.System).LoadAsync(CancellationToken.None)).GetAwaiter().GetResult();
        }
        finally
        {
            early?.Dispose(); // writes out what is queued before the host's own logging takes over
        }

        builder.Services.AddSingleton(state);
        builder.Services.AddHostedService<ConfigFollower>();
        builder.Services.AddHealthChecks().AddCheck<ConfigHealth>("config");
        return builder;
    }

    private static MeshOptions Read(ConfigurationManager configuration)
    {
        try
        {
            var options = new MeshOptions();
            configuration.GetSection("mesh").Bind(options);
            return options;
        }
        catch (InvalidOperationException e)
        {
            throw new MeshStartException("a setting of section mesh cannot be read: " + (e.InnerException?.Message ?? e.Message), e);
        }
    }

    /// <summary>Above the service's own files, below its environment and command line.</summary>
    private static int Place(IList<IConfigurationSource> sources)
    {
        // The host's own settings come first and have prefixed variables and the command line too: those are not meant.
        for (var i = 0; i < sources.Count; i++)
        {
            if (sources[i] is EnvironmentVariablesConfigurationSource { Prefix: null or "" }) return i;
        }
        for (var i = sources.Count - 1; i >= 0; i--)
        {
            if (sources[i] is CommandLineConfigurationSource) return i;
            if (sources[i] is FileConfigurationSource) return i + 1;
        }
        return 0;
    }
}
