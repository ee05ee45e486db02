using Microsoft.Extensions.Options;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>Through which client user names and passwords are proved at auth; section <c>gateway:basic</c>.</summary>
internal sealed class BasicOptions
{
    /// <summary>In a demo, unless something else is said: the client of the demo that may.</summary>
    public const string DemoClient = "browser";

    /// <summary>A client with the grant <c>password</c>; empty: passwords are taken nowhere.</summary>
    public string Client { get; set; } = "";

    /// <summary>Its secret, from the environment of the gateway.</summary>
    public string ClientSecret { get; set; } = "";

    /// <summary>True when some client is named, by the settings or by the demo.</summary>
    public static bool IsOn(IConfiguration configuration) =>
        configuration["gateway:basic:client"] is { Length: > 0 } || (bool.TryParse(configuration["mesh:demo"], out var demo) && demo);
}

/// <summary>A demo has a client for it; nothing else has one that was not named.</summary>
internal sealed class BasicDefaults(IOptions<MeshOptions> mesh) : IPostConfigureOptions<BasicOptions>
{
    public void PostConfigure(string? name, BasicOptions options)
    {
        if (options.Client.Length == 0 && mesh.Value.Demo) options.Client = BasicOptions.DemoClient;
    }
}
