using System.Text.Json;
using SecureMesh.Auth.Metadata;

namespace SecureMesh.Auth.Token.Device;

/// <summary>Where devices ask for a code (RFC 8628 §4).</summary>
internal sealed class DeviceMetadata : IMetadata
{
    public void Write(Utf8JsonWriter json, string address) => json.WriteString("device_authorization_endpoint", address + "/oauth/device_authorization");
}
