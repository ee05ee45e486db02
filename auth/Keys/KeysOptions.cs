namespace SecureMesh.Auth.Keys;

/// <summary>Section <c>auth:keys</c>.</summary>
internal sealed class KeysOptions
{
    /// <summary>
    /// The key that seals what the database keeps secret: 32 bytes in base64. Null: the file <c>sealing.key</c> in
    /// <c>mesh:data</c>, made at the first start. Instances on one database need the same one.
    /// </summary>
    public string? SealingKey { get; set; }
}
