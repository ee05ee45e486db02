namespace SecureMesh.Auth.Protocol;

/// <summary>The identity zone of a request. There is one until zones can be made; every row names it already.</summary>
internal static class Zone
{
    public const string Default = "uaa";
}
