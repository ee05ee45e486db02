using System.Security.Cryptography;
using System.Text;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Database;

/// <summary>
/// The form in which PostgreSQL keeps a password (RFC 5803). It is made here, because a statement with the plain
/// password would stand in the server's log when that logs statements.
/// </summary>
internal static class ScramVerifier
{
    private const int Iterations = 4096; // the server's default; the password has 256 random bits

    public static string Of(string password)
    {
        var salt = Entropy.Bytes(16);
        var salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password), salt, Iterations, HashAlgorithmName.SHA256, 32);
        var storedKey = SHA256.HashData(HMACSHA256.HashData(salted, "Client Key"u8));
        var serverKey = HMACSHA256.HashData(salted, "Server Key"u8);
        return $"SCRAM-SHA-256${Iterations}:{Convert.ToBase64String(salt)}${Convert.ToBase64String(storedKey)}:{Convert.ToBase64String(serverKey)}";
    }
}
