using SecureMesh.Cli.Calls;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Login;

/// <summary>Sign-in on another device (RFC 8628): this terminal shows a code, and asks until somebody has entered it.</summary>
internal sealed class DeviceSignIn(Shell shell, Wire wire, TokenRequests requests)
{
    private const string Grant = "urn:ietf:params:oauth:grant-type:device_code";

    // RFC 8628 §3.5: what holds when the answer names none, and what slow_down adds for good.
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    public async Task<Tokens> RunAsync(Provider provider, SignInRequest request, CancellationToken cancellationToken)
    {
        if (provider.Device is null) throw CommandFailure.Failed($"{wire.Target} offers no sign-in by device code: use ./mesh login.");
        var answer = await wire.PostFormAsync(provider.Device, [("client_id", request.ClientId), ("scope", request.Scope)], authorization: null, cancellationToken).ConfigureAwait(false);
        if (!answer.IsSuccess) throw Refused(answer);
        if (answer.Text("device_code") is not { } deviceCode || answer.Text("user_code") is not { } userCode || answer.Text("verification_uri") is not { } page)
            throw CommandFailure.Failed($"{wire.Target} answered without a device code.");
        if (!Uri.TryCreate(page, UriKind.Absolute, out var address) || !wire.Target.Owns(address))
            throw CommandFailure.Failed($"{wire.Target} sends people to {PlainText.Of(page)}, which is another host.");

        var life = TimeSpan.FromSeconds(Math.Clamp(answer.Json.Number("expires_in") ?? 600, 1, 3600));
        shell.Error.WriteLine($"On any device, go to {PlainText.Of(address.AbsoluteUri)} and enter the code {PlainText.Of(userCode)}");
        if (answer.Text("verification_uri_complete") is { } complete && Uri.TryCreate(complete, UriKind.Absolute, out var direct) && wire.Target.Owns(direct))
            shell.Error.WriteLine($"or open {direct.AbsoluteUri} and compare the code.");
        shell.Error.WriteLine($"The code holds for {life.TotalMinutes:0} minutes. Enter it only if you began this sign-in yourself.");
        return await PollAsync(provider, request, deviceCode, Pause(answer.Json.Number("interval")), life, cancellationToken).ConfigureAwait(false);
    }

    private async Task<Tokens> PollAsync(Provider provider, SignInRequest request, string deviceCode, TimeSpan pause, TimeSpan life, CancellationToken cancellationToken)
    {
        var began = shell.Clock.GetTimestamp();
        while (shell.Clock.GetElapsedTime(began) < life)
        {
            await Task.Delay(pause, shell.Clock, cancellationToken).ConfigureAwait(false);
            try
            {
                var (tokens, refusal) = await requests.AskAsync(
                    provider.Token, request.ClientId, secret: null, [("grant_type", Grant), ("device_code", deviceCode)], cancellationToken).ConfigureAwait(false);
                if (tokens is not null) return tokens;
                switch (refusal!.Code)
                {
                    case "authorization_pending": break;
                    case "slow_down": pause += Step; break;
                    case "access_denied": throw new CommandFailure(ExitCode.NotSignedIn, "the sign-in was refused on the other device.");
                    case "expired_token": throw Expired();
                    default: throw CommandFailure.Failed($"{wire.Target} refused: {refusal.Description} ({refusal.Code}).");
                }
            }
            catch (CommandFailure e) when (e.ExitCode == ExitCode.Unreachable && pause < LongestPause)
            {
                // RFC 8628 §3.5: no answer is a reason to ask less often, not to give up.
                pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks));
            }
        }

        throw Expired();
    }

    private static CommandFailure Expired() => new(ExitCode.NotSignedIn, "the code has expired before anybody entered it.");

    private static TimeSpan Pause(long? seconds) => seconds is { } s ? TimeSpan.FromSeconds(Math.Clamp(s, 1, (long)LongestPause.TotalSeconds)) : Step;

    private CommandFailure Refused(WireAnswer answer) => answer.Status is 429 or >= 500 || answer.Text("error") is not { } code
        ? Refusal.Explain(answer, token: null)
        : CommandFailure.Failed($"{wire.Target} refused: {PlainText.Of(answer.Text("error_description") ?? code)} ({PlainText.Of(code)}).");
}
