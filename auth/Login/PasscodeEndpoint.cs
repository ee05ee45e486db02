using System.Text;
using System.Text.Json;
using SecureMesh.Auth.Login.Pages;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;

namespace SecureMesh.Auth.Login;

/// <summary><c>GET /uaa/passcode</c>: a one-time code that the signed-in person carries to a terminal (U-05).</summary>
internal sealed class PasscodeEndpoint(ISessions sessions, IPasscodes passcodes)
{
    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var html = Prefers.Html(http.Request);
        if (await sessions.CurrentAsync(http, cancellationToken) is not var (session, user))
            return html ? new SeeOther(new Goal(null, "passcode", null).SignIn()) : OAuthError.NoToken();

        var code = await passcodes.CreateAsync(new Passcode(user.ZoneId, user.Id, session.AuthTime, session.Amr), cancellationToken);
        if (html) return new PageResult<OneTimeCode>(new() { [nameof(OneTimeCode.Code)] = code, [nameof(OneTimeCode.UserName)] = user.UserName });
        Answer.Hide(http.Response);
        return TypedResults.Bytes(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(code, PasscodeJson.Default.String)), "application/json");
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
internal sealed partial class PasscodeJson : System.Text.Json.Serialization.JsonSerializerContext;
