using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace SecureMesh.Config.Sources;

/// <summary>Where configuration comes from. One more kind of source is one class and one line in <see cref="AddSources"/>.</summary>
internal static class SourcesSlice
{
    public static WebApplicationBuilder AddSources(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptionsWithValidateOnStart<ConfigOptions, ConfigOptionsValidator>().BindConfiguration("config");
        builder.Services.AddConfigSource<FilesSource>();
        builder.Services.AddSingleton<IFileTrees>(services => GitTrees.Folder(Path.GetFullPath(services.GetRequiredService<IOptions<ConfigOptions>>().Value.Repository)) is null
            ? ActivatorUtilities.CreateInstance<FolderTrees>(services)
            : ActivatorUtilities.CreateInstance<GitTrees>(services));
        builder.Services.AddSingleton<Repository>().AddHostedService(services => services.GetRequiredService<Repository>());
        builder.Services.AddHealthChecks().AddCheck<RepositoryHealth>("configServer");
        return builder;
    }

    private static IServiceCollection AddConfigSource<T>(this IServiceCollection services) where T : class, IConfigSource
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigSource, T>());
        return services;
    }
}
