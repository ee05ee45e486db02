using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>Sends a request for <c>http://SERVICE/…</c> to an instance of the service, with a token made for it alone.</summary>
internal sealed partial class ServiceCallHandler(
    string service, string? scope, IServiceTokens tokens, CallTargets targets, ILogger<ServiceCallHandler> log) : DelegatingHandler
{
    private const int MaxAttempts = 3;
    private const int MaxBody = 10 << 20;
    private static readonly TimeSpan FirstFetch = TimeSpan.FromSeconds(2);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        // The token is for this service alone: it goes to no other name, whatever URL the caller made.
        if (request.RequestUri is not { IsAbsoluteUri: true } target || !target.Host.Equals(service, StringComparison.OrdinalIgnoreCase))
            throw new InvalidOperationException($"This client calls {service} alone: use relative addresses.");
        // Kept in memory, so that it can be sent again.
        if (request.Content is not null) await request.Content.LoadIntoBufferAsync(MaxBody, cancellationToken);
        var ownCredential = request.Headers.Authorization is not null;

        var token = ownCredential ? null : await TokenAsync(request, cancellationToken);
        var response = await RouteAsync(request, target, cancellationToken);
        if (response.StatusCode != HttpStatusCode.Unauthorized || token is null) return response;

        // Revoked, or signed by a key that is gone: one fresh token, one more try.
        response.Dispose();
        Log.Unauthorized(log, service);
        tokens.Discard(token);
        await TokenAsync(request, cancellationToken);
        return await RouteAsync(request, target, cancellationToken);
    }

    private async Task<string> TokenAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            var token = await tokens.GetTokenAsync(service, scope, cancellationToken);
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            return token;
        }
        catch (TokenException e)
        {
            throw new HttpRequestException(HttpRequestError.Unknown, $"no call to {service}: {e.Message}", e);
        }
    }

    private async Task<HttpResponseMessage> RouteAsync(HttpRequestMessage request, Uri target, CancellationToken cancellationToken)
    {
        if (targets.Unknown) await targets.ChangeAsync(FirstFetch, cancellationToken);
        var tried = new List<Uri>(MaxAttempts);
        Exception? failure = null;
        while (tried.Count < MaxAttempts && targets.Next(service, tried) is { } address)
        {
            tried.Add(address);
            request.RequestUri = new Uri(address, target.PathAndQuery);
            try
            {
                var response = await base.SendAsync(request, cancellationToken);
                targets.Answered(address);
                return response;
            }
            catch (HttpRequestException e) when (MeshHttp.NothingSent(e) || (Idempotent(request.Method) && BrokeOff(e)))
            {
                failure = e;
            }
            // The limit for connecting, not the caller's: nothing was sent.
            catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested && e.InnerException is TimeoutException)
            {
                failure = e;
            }
            targets.Failed(address);
            Log.Retried(log, service, address);
        }
        throw failure is null
            ? new HttpRequestException(HttpRequestError.ConnectionError, $"no instance of {service} is registered as UP")
            : new HttpRequestException(HttpRequestError.ConnectionError, $"no instance of {service} answers ({tried.Count} tried)", failure);
    }

    /// <summary>The connection ended before an answer came; the request may have been worked on.</summary>
    private static bool BrokeOff(HttpRequestException e) =>
        e.StatusCode is null && (e.HttpRequestError == HttpRequestError.ResponseEnded || e.InnerException is IOException);

    private static bool Idempotent(HttpMethod method) =>
        method == HttpMethod.Get || method == HttpMethod.Head || method == HttpMethod.Put || method == HttpMethod.Delete || method == HttpMethod.Options;

    private static partial class Log
    {
        [LoggerMessage(EventIds.CallRetried, LogLevel.Warning, "The instance of {Service} at {Address} does not answer")]
        public static partial void Retried(ILogger logger, string service, Uri address);

        [LoggerMessage(EventIds.CallUnauthorized, LogLevel.Information, "{Service} refused the token: trying once more with a fresh one")]
        public static partial void Unauthorized(ILogger logger, string service);
    }
}
