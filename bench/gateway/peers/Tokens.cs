using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace SecureMesh.Bench;

internal static class Tokens
{
    public static async Task<string> PublicKeyAsync(string keys)
    {
        using var http = new HttpClient();
        var key = new JsonWebKeySet(await http.GetStringAsync(new Uri(keys))).Keys.First(key => key.Kty == "RSA");
        using var rsa = RSA.Create(new RSAParameters { Modulus = Base64UrlEncoder.DecodeBytes(key.N), Exponent = Base64UrlEncoder.DecodeBytes(key.E) });
        return rsa.ExportSubjectPublicKeyInfoPem();
    }

    public static async Task WriteAsync(string url, string basic, int count, int atOnce, TextWriter output)
    {
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = atOnce });
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
        var tokens = new string[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (i, cancellationToken) =>
        {
            using var form = new FormUrlEncodedContent([new("grant_type", "client_credentials")]);
            using var response = await http.PostAsync(new Uri(url), form, cancellationToken);
            response.EnsureSuccessStatusCode();
            using var answer = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken));
            tokens[i] = answer.RootElement.GetProperty("access_token").GetString()!;
        });
        if (tokens.Distinct().Count() != count) throw new InvalidOperationException("two tokens are the same");
        foreach (var token in tokens) await output.WriteLineAsync(token);
    }
}
