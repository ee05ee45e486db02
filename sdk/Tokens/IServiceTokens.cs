namespace SecureMesh.Sdk;

/// <summary>Access tokens for calls this service makes in its own name (client_credentials, RFC 6749 §4.4).</summary>
public interface IServiceTokens
{
    /// <summary>Gets a token made for one service alone (RFC 8707).</summary>
    /// <param name="service">Wire name of the called service; <c>aud</c> will be <c>mesh://</c> + this name.</param>
    /// <param name="scope">Space-separated scopes, or null for all the client is registered with.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>A bearer token good for at least 30 more seconds; cached until then, and fetched once for many waiting callers.</returns>
    /// <exception cref="TokenException">The token service refused, or cannot be reached.</exception>
    Task<string> GetTokenAsync(string service, string? scope = null, CancellationToken cancellationToken = default);

    /// <summary>Forgets a token that a service refused with 401, so that the next call fetches a new one.</summary>
    /// <param name="token">The refused token.</param>
    void Discard(string token);
}

/// <summary>No token could be had.</summary>
public sealed class TokenException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="error">The OAuth error code (RFC 6749 §5.2), or <c>temporarily_unavailable</c> when the token service does not answer.</param>
    /// <param name="message">What happened, without secrets.</param>
    /// <param name="innerException">The cause.</param>
    public TokenException(string error, string message, Exception? innerException = null) : base(message, innerException) => Error = error;

    /// <summary>The OAuth error code.</summary>
    public string Error { get; }
}
