using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace SecureMesh.Sdk;

/// <summary>
/// Writes every error that the SDK answers in the service's name: refused callers (401, 403, 503 while no keys are known),
/// paths and methods that do not exist, unreadable requests, unhandled exceptions.
/// </summary>
/// <remarks>
/// The default writes the <see cref="Problem"/> as it is. A service whose protocol has another shape registers its own
/// singleton; it must set the status and, when <see cref="Problem.Challenge"/> is given, <c>WWW-Authenticate</c>.
/// </remarks>
public interface IErrorDialect
{
    /// <summary>Answers the request with the error.</summary>
    /// <param name="http">The request; its response has not started.</param>
    /// <param name="problem">What went wrong, fit for the caller's eyes.</param>
    Task WriteAsync(HttpContext http, Problem problem);
}

/// <summary>Endpoints whose protocol writes its own errors.</summary>
public static class OwnErrorsExtensions
{
    /// <summary>
    /// Leaves error statuses that the endpoint sets without a body as they are; otherwise the SDK writes a body for them.
    /// Refused callers and unhandled exceptions are still answered by the <see cref="IErrorDialect"/>.
    /// </summary>
    /// <param name="endpoint">The endpoint or group.</param>
    public static TBuilder WithOwnErrors<TBuilder>(this TBuilder endpoint) where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(OwnErrors.Instance);
}

/// <summary>Marks an endpoint whose empty error answers stay empty.</summary>
internal sealed class OwnErrors
{
    public static readonly OwnErrors Instance = new();
}

/// <summary>The mesh's own shape (RFC 9457).</summary>
internal sealed class ProblemDialect : IErrorDialect
{
    public Task WriteAsync(HttpContext http, Problem problem) => problem.ExecuteAsync(http);
}
