using System.Runtime.CompilerServices;
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
    // Of a client alone it is the same for every token until the row is read anew.
    private static readonly ConditionalWeakTable<Client, string> OfClients = [];

    public static string Of(Client client, User? user) => user is null
        ? OfClients.GetValue(client, static client => Hash(client.Id, client.TokenSalt))
        : Hash(client.Id, client.TokenSalt, user.Id, user.Salt, user.Email, user.UserName);

    private static string Hash(params string[] parts)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(parts.Select(part => $"{part.Length}:{part}"))));
        return Convert.ToHexStringLower(hash.AsSpan(0, 8));
    }
}
