using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Login;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Credentials;

/// <summary>Finds the token for a call: MESH_TOKEN, else a client whose secret is in the environment, else the sign-in, renewed when it ends soon.</summary>
internal sealed class Access(Shell shell, CredentialsFile file, Wire wire)
{
    /// <summary>Renewed when it has less than this left, so that it does not end on its way.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(30);

    private readonly TokenRequests _requests = new(wire, shell.Clock);

    private string Target => wire.Target.Name;

    /// <returns>Null when nobody is signed in.</returns>
    public async Task<Bearer?> FindAsync(CancellationToken cancellationToken)
    {
        if (shell.Variable("MESH_TOKEN") is { } token) return new Bearer(BearerOrigin.Variable, Checked(token.Trim()), scope: null);
        if (shell.Variable("MESH_CLIENT_SECRET") is { } secret) return await OfClientAsync(secret, cancellationToken).ConfigureAwait(false);
        if (!file.Read().TryGetValue(Target, out var signIn)) return null;
        if (signIn.ExpiresAt - shell.Clock.GetUtcNow() > Margin) return Of(signIn);
        return await RenewAsync(signIn.AccessToken, cancellationToken).ConfigureAwait(false);
    }

    /// <exception cref="CommandFailure">Nobody is signed in.</exception>
    public async Task<Bearer> NeedAsync(CancellationToken cancellationToken) =>
        await FindAsync(cancellationToken).ConfigureAwait(false)
        ?? throw CommandFailure.NotSignedIn($"nobody is signed in at {Target}: sign in with ./mesh login, or put an API token into MESH_TOKEN.");

    /// <summary>Another token in place of one that was refused.</summary>
    /// <returns>Null when there can be no other one.</returns>
    public async Task<Bearer?> ReplaceAsync(Bearer refused, CancellationToken cancellationToken)
    {
        if (refused.Origin != BearerOrigin.SignIn) return null;
        if (file.Read().GetValueOrDefault(Target) is not { RefreshToken: not null }) return null;
        return await RenewAsync(refused.Token, cancellationToken).ConfigureAwait(false);
    }

    private static Bearer Of(SignIn signIn) => new(BearerOrigin.SignIn, signIn.AccessToken, signIn.Scope);

    /// <summary>A line break in a variable would end the header and begin another.</summary>
    private static string Checked(string token) => token.Length > 0 && token.All(c => c is > ' ' and <= '~')
        ? token
        : throw CommandFailure.Configuration("MESH_TOKEN holds no token: it must be one word.");

    private async Task<Bearer> RenewAsync(string stale, CancellationToken cancellationToken)
    {
        var (bearer, ended) = await file.ChangeAsync<(Bearer?, string?)>(
            async targets =>
            {
                if (!targets.TryGetValue(Target, out var signIn)) return ((null, "signed out meanwhile"), false);
                // Another process was first: its token is as good.
                if (signIn.AccessToken != stale && signIn.ExpiresAt - shell.Clock.GetUtcNow() > Margin) return ((Of(signIn), null), false);
                if (signIn.RefreshToken is null) return ((null, "the access token has expired"), false);
                if (!wire.Target.Owns(signIn.TokenEndpoint)) throw CommandFailure.Configuration($"the credentials file {file.Path} names another host for {Target}: sign in again with ./mesh login.");

                // Not ended by Ctrl-C: once the request is out the old refresh token is spent, and the new one must be kept.
                var (tokens, refusal) = await _requests.AskAsync(
                    signIn.TokenEndpoint, signIn.ClientId, secret: null, [("grant_type", "refresh_token"), ("refresh_token", signIn.RefreshToken)], CancellationToken.None).ConfigureAwait(false);
                if (tokens is null) return ((null, refusal!.Description.TrimEnd('.')), IsOver(refusal) && targets.Remove(Target));
                var renewed = signIn.With(tokens);
                targets[Target] = renewed;
                return ((Of(renewed), null), true);
            },
            cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return bearer ?? throw CommandFailure.NotSignedIn($"the sign-in at {Target} has ended ({ended}): sign in again with ./mesh login.");
    }

    /// <summary>RFC 6749 says <c>invalid_grant</c> to a dead refresh token, UAA <c>invalid_token</c>. Anything else may mend itself.</summary>
    private static bool IsOver(TokenRefusal refusal) => refusal.Code is "invalid_grant" or "invalid_token";

    private async Task<Bearer> OfClientAsync(string secret, CancellationToken cancellationToken)
    {
        var client = shell.Variable("MESH_CLIENT") ?? "admin";
        var (tokens, refusal) = await _requests.AskAsync(
            wire.Target.At("/uaa/oauth/token"), client, secret, [("grant_type", "client_credentials")], cancellationToken).ConfigureAwait(false);
        return tokens is not null
            ? new Bearer(BearerOrigin.Client, tokens.AccessToken, tokens.Scope)
            : throw CommandFailure.NotSignedIn($"the client {PlainText.Of(client)} with the secret in MESH_CLIENT_SECRET was refused: {refusal!.Description}.");
    }
}
