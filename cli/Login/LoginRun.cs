using System.Text.Json;
using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Credentials;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Login;

/// <summary>One sign-in: tokens from the browser or the other device, checked, then kept in place of an earlier one.</summary>
internal sealed class LoginRun(Shell shell, Wire wire, CredentialsFile file)
{
    private readonly TokenRequests _requests = new(wire, shell.Clock);

    public async Task<SignIn> RunAsync(SignInRequest request, bool byDevice, CancellationToken cancellationToken)
    {
        // A file that cannot be used is said before a person signs in for nothing.
        file.Read();
        var provider = await Provider.ReadAsync(wire, cancellationToken).ConfigureAwait(false);
        SignIn? signIn = null;
        async Task AcceptAsync(Tokens tokens, string? nonce)
        {
            signIn = await CheckAsync(tokens, nonce, provider, request, cancellationToken).ConfigureAwait(false);
            await KeepAsync(signIn, cancellationToken).ConfigureAwait(false);
        }

        if (byDevice) await AcceptAsync(await new DeviceSignIn(shell, wire, _requests).RunAsync(provider, request, cancellationToken).ConfigureAwait(false), nonce: null).ConfigureAwait(false);
        else await new BrowserSignIn(shell, wire, _requests).RunAsync(provider, request, AcceptAsync, cancellationToken).ConfigureAwait(false);
        return signIn!;
    }

    private async Task<SignIn> CheckAsync(Tokens tokens, string? nonce, Provider provider, SignInRequest request, CancellationToken cancellationToken)
    {
        var scope = tokens.Scope ?? request.Scope;
        JsonElement claims = default;
        if (tokens.IdToken is { } idToken)
        {
            var keys = await wire.GetAsync(provider.Keys, cancellationToken).ConfigureAwait(false);
            if (!keys.IsSuccess) throw Refusal.Explain(keys, token: null);
            var expected = new IdTokenExpectations(provider.Issuer, request.ClientId, nonce, tokens.AccessToken, shell.Clock.GetUtcNow());
            if (IdToken.Fault(idToken, keys.Json, expected, out claims) is { } fault) throw CommandFailure.Failed($"the id token of {wire.Target} is not accepted: {fault}.");
        }
        else if (nonce is not null && scope.Split(' ').Contains("openid"))
        {
            throw CommandFailure.Failed($"{wire.Target} gave no id token, so nobody knows who signed in.");
        }

        return new SignIn
        {
            Issuer = provider.Issuer,
            ClientId = request.ClientId,
            TokenEndpoint = provider.Token,
            RevocationEndpoint = provider.Revocation,
            UserInfoEndpoint = provider.UserInfo,
            Subject = claims.Text("sub"),
            UserName = claims.Text("user_name") ?? claims.Text("preferred_username") ?? claims.Text("email"),
            Scope = scope,
            AccessToken = tokens.AccessToken,
            ExpiresAt = tokens.ExpiresAt,
            RefreshToken = tokens.RefreshToken,
        };
    }

    private async Task KeepAsync(SignIn signIn, CancellationToken cancellationToken)
    {
        var earlier = await file.ChangeAsync(
            targets =>
            {
                var before = targets.GetValueOrDefault(wire.Target.Name);
                targets[wire.Target.Name] = signIn;
                return Task.FromResult((before, true));
            },
            cancellationToken).ConfigureAwait(false);
        // What nobody holds any more should not be good for another month.
        if (earlier is not null && await Revocation.TryAsync(wire, earlier, cancellationToken).ConfigureAwait(false) is { } failure)
            await shell.Error.WriteLineAsync($"mesh: the earlier sign-in could not be revoked: {failure.Message}").ConfigureAwait(false);
    }
}
