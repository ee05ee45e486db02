using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Credentials;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Login;

/// <summary>Ends a sign-in at the token service (RFC 7009); with its refresh token the whole family of tokens ends.</summary>
internal static class Revocation
{
    /// <returns>Why it could not be revoked; null: it is.</returns>
    public static async Task<CommandFailure?> TryAsync(Wire wire, SignIn signIn, CancellationToken cancellationToken)
    {
        if (signIn.RevocationEndpoint is not { } endpoint) return CommandFailure.Failed($"{wire.Target} offers no revocation: the tokens live until they expire.");
        if (!wire.Target.Owns(endpoint)) return CommandFailure.Configuration($"the credentials file names another host for {wire.Target}: nothing was sent there.");
        var (token, hint) = signIn.RefreshToken is { } refresh ? (refresh, "refresh_token") : (signIn.AccessToken, "access_token");
        try
        {
            var answer = await wire.PostFormAsync(
                endpoint, [("token", token), ("token_type_hint", hint), ("client_id", signIn.ClientId)], authorization: null, cancellationToken).ConfigureAwait(false);
            return answer.IsSuccess ? null : Refusal.Explain(answer, new Bearer(BearerOrigin.SignIn, "", signIn.Scope));
        }
        catch (CommandFailure e)
        {
            return e;
        }
    }
}
