using System.Security.Cryptography;
using System.Text;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Token;

/// <summary>
/// Claim <c>rev_sig</c>: a short hash over what ends a token when it changes, recomputed when a token comes back. The
/// user's salt stands for the password, so that storing the same password under a stronger hash ends nothing; no token
/// hangs on one of the client's two secrets.
/// </summary>
internal static class RevocationSignature
{
    public static string Of(Client client, User? user)
    {
        string?[] parts = user is null ? [client.Id, client.TokenSalt] : [client.Id, client.TokenSalt, user.Id, user.Salt, user.Email, user.UserName];
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(parts.Select(part => $"{part!.Length}:{part}"))));
        return Convert.ToHexStringLower(hash.AsSpan(0, 8));
    }
}
