using System.Globalization;
using SecureMesh.Auth.Login.Pages;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Token.Device;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Login;

/// <summary>
/// <c>/uaa/device</c>: a person allows a device (RFC 8628 §3.3). An address with a code fills it in and does no more; who is
/// talked into this page by somebody else reads it there (V-079).
/// </summary>
internal sealed class DeviceEndpoint(
    ISessions sessions, IDeviceAuthorizations devices, ScopePolicy policy, DeviceTries tries, Antiforgery antiforgery)
{
    private const string Looking = "device-code";
    private const string Deciding = "device-decision";

    public async Task<IResult> PageAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var goal = Goal.OfQuery(http.Request) with { Transaction = null, Word = "device" };
        if (await sessions.CurrentAsync(http, cancellationToken) is not var (session, _)) return new SeeOther(goal.SignIn());
        return Ask(http, session, goal.UserCode, null);
    }

    public async Task<IResult> PostAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var form = await FormBody.ReadAsync(http.Request, cancellationToken);
        if (!form.IsSuccess) return new ErrorPage(form.Error);
        if (await sessions.CurrentAsync(http, cancellationToken) is not var (session, user)) return new SeeOther(new Goal(null, "device", null).SignIn());
        var (code, step, token) = (form.Value["user_code"], form.Value["step"], form.Value[Antiforgery.Field]);
        var decides = step is "allow" or "deny";
        if (!(decides ? antiforgery.IsGood(http, token, Deciding, session.Id, code) : antiforgery.IsGood(http, token, Looking, session.Id))) return ErrorPage.FormOutdated();

        // Counted before it is looked up: many at once are many tries (D-04).
        if (tries.Wait(session.Id, http.Connection.RemoteIpAddress, count: !decides) is { } wait)
            return new ErrorPage(OAuthError.TooMany(wait, "too many device codes were tried"));
        if (code is null || await devices.FindAsync(code, cancellationToken) is not { } device)
            return Ask(http, session, null, "There is no device waiting with this code. Check the letters; a code is good for ten minutes.");
        if (!decides) tries.TakeBack(session.Id, http.Connection.RemoteIpAddress);

        var held = await policy.ForUserAsync(device.Client, user, device.Scopes, cancellationToken);
        IReadOnlyList<string> scopes = held.IsSuccess ? held.Value : [];
        if (!decides) return Show(http, session, user, device, code, scopes);
        if (step == "deny") return Decided(await devices.DenyAsync(device, user, cancellationToken), "Denied", "The device gets no access. You can close this page.");
        if (scopes.Count == 0) return Ask(http, session, null, "Your account holds nothing of what the device asks for.");
        return Decided(await devices.ApproveAsync(device, session, user, scopes, cancellationToken), "Your device is connected", "Go back to it; it goes on by itself. You can close this page.");
    }

    private PageResult<DeviceEntry> Ask(HttpContext http, Session session, string? code, string? error) => new(new()
    {
        [nameof(DeviceEntry.Action)] = Addresses.Device,
        [nameof(DeviceEntry.Token)] = antiforgery.Token(http, Looking, session.Id),
        [nameof(DeviceEntry.UserCode)] = code,
        [nameof(DeviceEntry.Error)] = error,
    })
    {
        Status = error is null ? 200 : 400,
    };

    private PageResult<DeviceConfirm> Show(HttpContext http, Session session, User user, DeviceAuthorization device, string code, IReadOnlyList<string> scopes)
    {
        var logo = ClientImage.Https(device.Client.Metadata.LogoUri);
        return new PageResult<DeviceConfirm>(new()
        {
            [nameof(DeviceConfirm.Action)] = Addresses.Device,
            [nameof(DeviceConfirm.Token)] = antiforgery.Token(http, Deciding, session.Id, code),
            [nameof(DeviceConfirm.UserCode)] = code,
            [nameof(DeviceConfirm.ClientName)] = device.Client.Name,
            [nameof(DeviceConfirm.ClientLogo)] = logo,
            [nameof(DeviceConfirm.UserName)] = user.UserName,
            [nameof(DeviceConfirm.Address)] = device.Address ?? "an unknown address",
            [nameof(DeviceConfirm.Begun)] = device.CreatedAt.UtcDateTime.ToString("HH:mm:ss", CultureInfo.InvariantCulture) + " UTC",
            [nameof(DeviceConfirm.Scopes)] = ScopeWords.Of(scopes),
        })
        {
            Image = logo,
        };
    }

    private static PageResult<Message> Decided(bool inTime, string title, string text) => new(new()
    {
        [nameof(Message.Title)] = inTime ? title : "Too late",
        [nameof(Message.Text)] = inTime ? text : "The device waits no longer, or the question was answered already. Start again on the device.",
        [nameof(Message.Failed)] = !inTime,
    })
    {
        Status = inTime ? 200 : 400,
    };
}
