using System.Text.Json;
using SecureMesh.Auth.Login;
using SecureMesh.Auth.Metadata;

namespace SecureMesh.Auth.Logout;

/// <summary>Where applications send people to sign out (OpenID Connect RP-Initiated Logout §2.1), and that they hear of it (Back-Channel Logout §2.1).</summary>
internal sealed class LogoutMetadata : IMetadata
{
    private const string Prefix = "/uaa";

    public void Write(Utf8JsonWriter json, string address)
    {
        json.WriteString("end_session_endpoint", address + Addresses.SignOut[Prefix.Length..]);
        json.WriteBoolean("backchannel_logout_supported", true);
        json.WriteBoolean("backchannel_logout_session_supported", true);
    }
}
