namespace SecureMesh.Gateway.Passport;

/// <summary>In whose name tokens are exchanged at auth; section <c>gateway:exchange</c>.</summary>
internal sealed class ExchangeOptions
{
    /// <summary>A client with the grant of RFC 8693; empty: no route may have <c>relay: exchange</c>.</summary>
    public string ClientId { get; set; } = "";

    /// <summary>Its secret, from the environment of the gateway.</summary>
    public string ClientSecret { get; set; } = "";

    public static bool IsOn(IConfiguration configuration) => configuration["gateway:exchange:clientId"] is { Length: > 0 };
}
