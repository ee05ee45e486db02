using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Named = Microsoft.Extensions.Options.Options;

namespace SecureMesh.Sdk;

/// <summary>
/// Binds and validates all options that follow the configuration from one that is not in force yet. Their monitors would refuse it too,
/// but one after the other, when others have taken their part of it over: requests would be judged by what is taken back a moment later.
/// </summary>
internal sealed class OptionsCheck(IServiceCollection registrations, IServiceProvider services) : IConfigurationCheck
{
    private readonly Dictionary<Type, Followed> _followed = registrations
        .Where(one => one.ServiceType.IsConstructedGenericType && one.ServiceType.GetGenericTypeDefinition() == typeof(IOptionsChangeTokenSource<>))
        .Select(one => one.ServiceType.GenericTypeArguments[0]).Distinct()
        .ToDictionary(type => typeof(IOptions<>).MakeGenericType(type), type => (Followed)Activator.CreateInstance(typeof(Followed<>).MakeGenericType(type))!);

    // What is wrong in the configuration in force too is nothing the change brought: options that nobody reads must not stop every change.
    public IReadOnlyList<string> Faults(IConfiguration configuration) =>
        [.. AllFaults(configuration).Except(AllFaults(services.GetRequiredService<IConfiguration>()))];

    private IEnumerable<string> AllFaults(IConfiguration configuration)
    {
        var candidate = new Candidate(registrations, services, configuration, _followed);
        return _followed.Values.SelectMany(options => options.Faults(candidate));
    }

    /// <summary>The service as it is, but with another configuration and the options that come of it.</summary>
    private sealed class Candidate(IServiceCollection registrations, IServiceProvider services, IConfiguration configuration, Dictionary<Type, Followed> followed) : IServiceProvider
    {
        public IServiceProvider InForce => services;

        public object? GetService(Type serviceType) =>
            serviceType == typeof(IConfiguration) ? configuration
            : followed.TryGetValue(serviceType, out var options) ? options.Of(this)
            : services.GetService(serviceType);

        /// <summary>All registrations of the kind, each made anew: those in force hold on to the configuration in force.</summary>
        public IEnumerable<T> All<T>() where T : class => registrations
            .Where(one => one.ServiceType == typeof(T) && !one.IsKeyedService)
            .Select(one => (T)(one.ImplementationInstance ?? one.ImplementationFactory?.Invoke(this) ?? ActivatorUtilities.CreateInstance(this, one.ImplementationType!)));
    }

    private abstract class Followed
    {
        public abstract object Of(Candidate candidate);

        public abstract IEnumerable<string> Faults(Candidate candidate);
    }

    private sealed class Followed<T> : Followed where T : class
    {
        public override object Of(Candidate candidate) => Named.Create(Create(candidate, Named.DefaultName));

        public override IEnumerable<string> Faults(Candidate candidate) =>
            candidate.InForce.GetServices<IOptionsChangeTokenSource<T>>().Select(source => source.Name ?? Named.DefaultName).Distinct().SelectMany(name => Faults(candidate, name));

        private static IEnumerable<string> Faults(Candidate candidate, string name)
        {
            try
            {
                Create(candidate, name);
                return [];
            }
            catch (OptionsValidationException e)
            {
                return e.Failures;
            }
            catch (Exception e) // a value that is of another type than the setting, or whatever the part's own code throws
            {
                return [e.InnerException is { } inner ? $"{e.Message} {inner.Message}" : e.Message];
            }
        }

        private static T Create(Candidate candidate, string name) =>
            new OptionsFactory<T>(candidate.All<IConfigureOptions<T>>(), candidate.All<IPostConfigureOptions<T>>(), candidate.All<IValidateOptions<T>>()).Create(name);
    }
}
