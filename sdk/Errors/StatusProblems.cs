using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace SecureMesh.Sdk;

/// <summary>The problem for a status that the framework or an endpoint answered without a body.</summary>
internal static class StatusProblems
{
    public static Problem For(int status) => status switch
    {
        StatusCodes.Status400BadRequest => new(status, "invalid_request", "The request cannot be read"),
        StatusCodes.Status401Unauthorized => Refusals.NoToken,
        StatusCodes.Status403Forbidden => new(status, "access_denied", "Access is denied"),
        StatusCodes.Status404NotFound => new(status, "not_found", "Nothing is found at this address"),
        StatusCodes.Status405MethodNotAllowed => new(status, "method_not_allowed", "This address does not take the method"),
        StatusCodes.Status406NotAcceptable => new(status, "not_acceptable", "None of the accepted media types can be served"),
        StatusCodes.Status408RequestTimeout => new(status, "request_timeout", "The request took too long to arrive"),
        StatusCodes.Status409Conflict => new(status, "conflict", "The request conflicts with the present state"),
        StatusCodes.Status413PayloadTooLarge => new(status, "request_too_large", "The request body is too large"),
        StatusCodes.Status415UnsupportedMediaType => new(status, "unsupported_media_type", "This address does not take the media type"),
        StatusCodes.Status429TooManyRequests => new(status, "too_many_requests", "Too many requests; try again later"),
        StatusCodes.Status500InternalServerError => new(status, "server_error", "The request failed; the trace id finds the cause in the log"),
        StatusCodes.Status502BadGateway => new(status, "bad_gateway", "A service behind this one gave no usable answer"),
        StatusCodes.Status503ServiceUnavailable => new(status, "temporarily_unavailable", "The service cannot answer at the moment; try again later") { RetryAfter = TimeSpan.FromSeconds(5) },
        StatusCodes.Status504GatewayTimeout => new(status, "gateway_timeout", "A service behind this one did not answer in time"),
        _ => new(status, status < 500 ? "invalid_request" : "server_error", ReasonPhrases.GetReasonPhrase(status) is { Length: > 0 } reason ? reason : "The request failed"),
    };
}
