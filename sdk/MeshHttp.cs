using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace SecureMesh.Sdk;

/// <summary>How the SDK's own connections behave: no redirects, no cookies, no proxy, quick to give up.</summary>
internal static class MeshHttp
{
    /// <summary>For connecting.</summary>
    public static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(2);

    /// <summary>For a whole request that the server is not asked to hold.</summary>
    public static readonly TimeSpan RequestLimit = TimeSpan.FromSeconds(5);

    /// <param name="traced">False for background polling, which would only fill traces with noise.</param>
    public static SocketsHttpHandler Handler(bool traced = false)
    {
        var handler = new SocketsHttpHandler
        {
            // A redirect would carry credentials to an address nobody configured.
            AllowAutoRedirect = false,
            UseCookies = false,
            // HTTP_PROXY is for the way out of the mesh, not for calls inside it.
            UseProxy = false,
            AutomaticDecompression = DecompressionMethods.GZip,
            ConnectTimeout = ConnectLimit,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        if (!traced) handler.ActivityHeadersPropagator = null;
        return handler;
    }

    /// <summary>Why a request failed, in words for a log line; never holds a header or a body.</summary>
    public static string Reason(HttpRequestException e) => e.HttpRequestError switch
    {
        HttpRequestError.ConnectionError => "cannot be reached (" + (e.InnerException?.Message ?? "connection failed") + ")",
        HttpRequestError.NameResolutionError => "its name cannot be resolved",
        HttpRequestError.SecureConnectionError => "no TLS connection (" + (e.InnerException?.Message ?? "handshake failed") + ")",
        HttpRequestError.ConfigurationLimitExceeded => "the answer is too large",
        _ => "the connection broke",
    };

    /// <summary>The request did not leave this machine, so any method may be sent elsewhere.</summary>
    public static bool NothingSent(HttpRequestException e) =>
        e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError;
}

/// <summary>HTTP Basic of a service at the configuration server and the registry.</summary>
internal static class BasicCredential
{
    /// <summary>User info of the URL when it has any, else wire name and secret; null without either.</summary>
    public static AuthenticationHeaderValue? For(Uri url, string name, string? secret)
    {
        var pair = url.UserInfo.Length > 0 ? Uri.UnescapeDataString(url.UserInfo)
            : string.IsNullOrEmpty(secret) ? null
            : name + ":" + secret;
        return pair is null ? null : new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));
    }

    /// <summary>The URL without user info, fit to be sent and logged.</summary>
    public static Uri Strip(Uri url) => new UriBuilder(url) { UserName = "", Password = "" }.Uri;
}
