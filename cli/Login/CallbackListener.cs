using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace SecureMesh.Cli.Login;

/// <summary>What the browser brought back.</summary>
internal sealed record Callback(string? Code, string? Issuer, string? Error, string? ErrorDescription);

/// <summary>
/// Receives the redirect of the browser on a free port of 127.0.0.1 (RFC 8252 §7.3). Anyone on this machine, and any page in
/// the browser, can send something here: only what holds the state of this sign-in counts, and the rest changes nothing.
/// </summary>
internal sealed class CallbackListener : IAsyncDisposable
{
    private const string Path = "/callback";

    private readonly WebApplication _app;
    private readonly byte[] _state;
    private readonly TaskCompletionSource<Callback> _callback = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<bool> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private CallbackListener(WebApplication app, string state) => (_app, _state) = (app, Encoding.UTF8.GetBytes(state));

    /// <summary>The redirect URI with the port that this sign-in got.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Ends with the first answer that holds the state.</summary>
    public Task<Callback> Received => _callback.Task;

    public static async Task<CallbackListener> StartAsync(string state, CancellationToken cancellationToken)
    {
        // Empty: neither the environment (ASPNETCORE_URLS) nor a file beside the program decides where this listens.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        var app = builder.Build();
        var listener = new CallbackListener(app, state);
        app.Run(listener.HandleAsync);
        await app.StartAsync(cancellationToken).ConfigureAwait(false);
        listener.Address = new Uri(new Uri(app.Urls.First()), Path);
        return listener;
    }

    /// <summary>Tells the person in the browser how it ended; until then the page waits.</summary>
    public void Finish(bool isSignedIn) => _outcome.TrySetResult(isSignedIn);

    public async ValueTask DisposeAsync()
    {
        Finish(false);
        // Waits for the page that is just being written.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await _app.StopAsync(limit.Token).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    private async Task HandleAsync(HttpContext http)
    {
        var request = http.Request;
        // A name that someone points at 127.0.0.1 does not make a page of his our page.
        if (request.Host.Value != $"127.0.0.1:{http.Connection.LocalPort}" || request.Path != Path)
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        if (!HttpMethods.IsGet(request.Method))
        {
            http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            http.Response.Headers.Allow = "GET";
            return;
        }

        if (One(request.Query["state"]) is not { } state || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(state), _state))
        {
            await CallbackPage.WriteAsync(http, StatusCodes.Status400BadRequest, "Nothing happened", "This answer belongs to another sign-in. Go on in the window of the one that you just began.").ConfigureAwait(false);
            return;
        }

        var callback = new Callback(One(request.Query["code"]), One(request.Query["iss"]), One(request.Query["error"]), One(request.Query["error_description"]));
        if (!_callback.TrySetResult(callback))
        {
            await CallbackPage.WriteAsync(http, StatusCodes.Status409Conflict, "Already answered", "This sign-in was answered before. You may close this window.").ConfigureAwait(false);
            return;
        }

        if (await _outcome.Task.ConfigureAwait(false))
            await CallbackPage.WriteAsync(http, StatusCodes.Status200OK, "You are signed in", "You may close this window and go back to the terminal.").ConfigureAwait(false);
        else
            await CallbackPage.WriteAsync(http, StatusCodes.Status400BadRequest, "You are not signed in", "The terminal says why. You may close this window.").ConfigureAwait(false);
    }

    /// <summary>A parameter that came twice is one that somebody meddled with.</summary>
    private static string? One(StringValues values) => values.Count == 1 && values[0] is { Length: > 0 } value ? value : null;
}
