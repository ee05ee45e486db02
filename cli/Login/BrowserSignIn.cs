using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Terminal;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Login;

/// <summary>Authorization code with PKCE over a loopback redirect (RFC 8252, RFC 7636, RFC 9207).</summary>
internal sealed class BrowserSignIn(Shell shell, Wire wire, TokenRequests requests)
{
    /// <param name="provider">The token service.</param>
    /// <param name="request">What was asked for.</param>
    /// <param name="accept">Checks and keeps the tokens, with the nonce; the page in the browser says whether that went well.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task RunAsync(Provider provider, SignInRequest request, Func<Tokens, string, Task> accept, CancellationToken cancellationToken)
    {
        if (provider.Authorization is null) throw CommandFailure.Failed($"{wire.Target} offers no sign-in in the browser: try ./mesh login --device.");
        var (state, nonce, verifier) = (Entropy.Token(), Entropy.Token(), Entropy.Token());
        await using var listener = await CallbackListener.StartAsync(state, cancellationToken).ConfigureAwait(false);
        var address = Address(provider.Authorization, request, listener.Address, state, nonce, verifier);
        Show(address, request.OpensBrowser);

        var callback = await WaitAsync(listener, request.Patience, cancellationToken).ConfigureAwait(false);
        Check(callback, provider);
        var (tokens, refusal) = await requests.AskAsync(
            provider.Token, request.ClientId, secret: null,
            [("grant_type", "authorization_code"), ("code", callback.Code), ("redirect_uri", listener.Address.AbsoluteUri), ("code_verifier", verifier)],
            cancellationToken).ConfigureAwait(false);
        if (tokens is null) throw CommandFailure.Failed($"{wire.Target} did not redeem the code: {refusal!.Description} ({refusal.Code}).");
        await accept(tokens, nonce).ConfigureAwait(false);
        listener.Finish(true);
    }

    private static Uri Address(Uri endpoint, SignInRequest request, Uri redirect, string state, string nonce, string verifier)
    {
        var challenge = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));
        (string Name, string Value)[] parameters =
        [
            ("response_type", "code"), ("client_id", request.ClientId), ("redirect_uri", redirect.AbsoluteUri), ("scope", request.Scope),
            ("state", state), ("nonce", nonce), ("code_challenge", challenge), ("code_challenge_method", "S256"),
        ];
        var query = string.Join('&', parameters.Select(p => $"{p.Name}={Uri.EscapeDataString(p.Value)}"));
        return new Uri($"{endpoint.AbsoluteUri}{(endpoint.Query.Length > 0 ? '&' : '?')}{query}");
    }

    private void Show(Uri address, bool opensBrowser)
    {
        if (opensBrowser && shell.Browse(address))
        {
            shell.Error.WriteLine("Sign in in the browser window that just opened. If there is none, go to");
        }
        else
        {
            shell.Error.WriteLine(opensBrowser
                ? "No browser could be opened. Go to this address in a browser on this machine, or use ./mesh login --device from any other:"
                : "Go to this address in a browser on this machine:");
        }

        shell.Error.WriteLine("  " + address.AbsoluteUri);
    }

    private async Task<Callback> WaitAsync(CallbackListener listener, TimeSpan patience, CancellationToken cancellationToken)
    {
        try
        {
            return await listener.Received.WaitAsync(patience, shell.Clock, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new CommandFailure(ExitCode.NotSignedIn, $"nobody signed in within {patience.TotalSeconds:0} seconds.", e);
        }
    }

    private void Check(Callback callback, Provider provider)
    {
        // The answer of another authorization server, brought here to have its code sent to ours (RFC 9207).
        if (callback.Issuer is null ? provider.NamesItself : callback.Issuer != provider.Issuer)
            throw CommandFailure.Failed($"the answer does not come from {wire.Target} (iss is {(callback.Issuer is null ? "missing" : PlainText.Of(callback.Issuer))}): nothing was sent.");
        if (callback.Error is "access_denied") throw new CommandFailure(ExitCode.NotSignedIn, $"the sign-in was refused{Reason(callback)}.");
        if (callback.Error is { } error) throw CommandFailure.Failed($"{wire.Target} refused: {PlainText.Of(error)}{Reason(callback)}.");
        if (callback.Code is null) throw CommandFailure.Failed($"the answer of {wire.Target} holds no code.");
    }

    private static string Reason(Callback callback) => callback.ErrorDescription is { } text ? $" ({PlainText.Of(text).TrimEnd('.')})" : "";
}
