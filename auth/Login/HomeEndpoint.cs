using System.Globalization;
using SecureMesh.Auth.Login.Pages;
using SecureMesh.Auth.Logout;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;

namespace SecureMesh.Auth.Login;

/// <summary><c>/uaa/</c>: who is signed in at this browser.</summary>
internal sealed class HomeEndpoint(ISessions sessions, Antiforgery antiforgery)
{
    public async Task<IResult> PageAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (!Prefers.Html(http.Request)) return OAuthError.NotFound();
        var current = await sessions.CurrentAsync(http, cancellationToken);
        return new PageResult<Home>(new()
        {
            [nameof(Home.UserName)] = current?.User.UserName,
            [nameof(Home.Email)] = current?.User.Email,
            [nameof(Home.Since)] = current?.Session.AuthTime.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
            [nameof(Home.Token)] = current is { } signedIn ? antiforgery.Token(http, LogoutEndpoint.Purpose, signedIn.Session.Id) : null,
            [nameof(Home.SignInAddress)] = Addresses.SignIn,
            [nameof(Home.SignOutAddress)] = Addresses.SignOut,
            [nameof(Home.PasscodeAddress)] = Addresses.Passcode,
            [nameof(Home.DeviceAddress)] = Addresses.Device,
        });
    }
}
