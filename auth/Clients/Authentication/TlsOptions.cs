namespace SecureMesh.Auth.Clients;

/// <summary>
/// Section <c>auth:tls</c>: one more listener, at which clients show certificates (RFC 8705). Read once at the start. Certificates
/// are believed from the connection alone: no header stands in for one.
/// </summary>
internal sealed class TlsOptions
{
    /// <summary>Where it listens, for example <c>https://0.0.0.0:8443</c>; empty: nowhere.</summary>
    public string Url { get; set; } = "";

    /// <summary>PEM file of the server's certificate and what it is issued by.</summary>
    public string Certificate { get; set; } = "";

    /// <summary>PEM file of its private key.</summary>
    public string Key { get; set; } = "";

    /// <summary>PEM file of the authorities that issue the certificates of clients.</summary>
    public string ClientCa { get; set; } = "";

    /// <summary>How clients reach the listener, without a path: <c>mtls_endpoint_aliases</c> begin with it.</summary>
    public string? PublicUrl { get; set; }

    public bool IsOpen => Url.Length > 0;
}
