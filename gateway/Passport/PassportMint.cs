using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Hygiene;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Passport;

/// <summary>
/// Makes the signed identity that a service gets in place of the caller's credential: for that service alone, for less than a minute, with
/// those scopes alone that the route is about (docs/decisions/0015).
/// </summary>
internal sealed class PassportMint(PassportKeys keys, IOptions<HygieneOptions> options, TimeProvider time)
{
    /// <summary>Long enough to be worth a signature, short enough to be worth no theft. With what services grant for clocks it is dead after a minute.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(55);

    private static readonly TimeSpan _renewAfter = TimeSpan.FromSeconds(35);
    private static readonly TimeSpan _sendUntil = TimeSpan.FromSeconds(50); // it must still be good when the service reads it
    private static readonly JsonWriterOptions _plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string _issuer = options.Value.Url.TrimEnd('/');

    /// <summary>The header's value for a request of the caller on the route; signed only when there is none that is good.</summary>
    public string For(Caller caller, Route route)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var shelf = caller.Passports;
        if (shelf.Find(route.Passport) is { } passport && passport.Until > now && passport.KeyId == keys.Current.Id
            && passport.RenewAt - now <= (long)_renewAfter.TotalMilliseconds) // else somebody has set the clock back, and to the services it is of tomorrow
        {
            if (passport.RenewAt > now || !shelf.TryBeginRenewal()) return passport.Header;
            try
            {
                return Make(caller, route, now);
            }
            finally
            {
                shelf.EndRenewal();
            }
        }
        return Make(caller, route, now);
    }

    private string Make(Caller caller, Route route, long now)
    {
        // Whole seconds, and never longer than the credential.
        var issued = now / 1000;
        var ends = Math.Min(issued + (long)Lifetime.TotalSeconds, Math.Max(issued + 1, caller.Until / 1000));
        var key = keys.Current;
        var header = "Bearer " + key.Sign(Claims(caller, route, issued, ends));
        caller.Passports.Put(new IssuedPassport(route.Passport, header, key.Id, now + (long)_renewAfter.TotalMilliseconds, Math.Min(now + (long)_sendUntil.TotalMilliseconds, ends * 1000)), now);
        return header;
    }

    private ReadOnlySpan<byte> Claims(Caller caller, Route route, long issued, long ends)
    {
        var body = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(body, _plain);
        json.WriteStartObject();
        json.WriteString("iss", _issuer);
        json.WriteString("aud", "mesh://" + route.Service);
        json.WriteString("sub", caller.Subject);
        json.WriteNumber("iat", issued);
        json.WriteNumber("exp", ends);
        json.WriteString("client_id", caller.ClientId);
        json.WriteStartArray("scope");
        foreach (var scope in route.Policy.Narrow(caller.Scopes)) json.WriteStringValue(scope);
        json.WriteEndArray();
        json.WriteString("mode", "token");
        json.WriteString("credential", caller.Credential.Name());
        ref readonly var marks = ref caller.Marks;
        json.WriteString("zid", marks.ZoneId);
        Write(json, "jti", marks.TokenId);
        Write(json, "grant_id", marks.GrantId);
        Write(json, "sid", marks.SessionId);
        Write(json, "user_id", marks.UserId);
        Write(json, "user_name", caller.UserName);
        Write(json, "token_kid", marks.KeyId);
        json.WriteNumber("token_iat", marks.IssuedAt);
        // Who acts for whom (RFC 8693 §4.1): a service may let the one do what it forbids the other.
        if (caller.Claims.TryGetProperty("act", out var act) && act.ValueKind == JsonValueKind.Object)
        {
            json.WritePropertyName("act");
            act.WriteTo(json);
        }
        json.WriteEndObject();
        json.Flush();
        return body.WrittenSpan;
    }

    private static void Write(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null) json.WriteString(name, value);
    }
}
